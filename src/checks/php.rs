//! PHP through the pool that serves the pages: the interpreter, its critical extensions, and its ways to the database.

use std::time::Duration;

use qclock_probe::http::{Answer, HttpError};
use qclock_probe::php::{Connection, Extensions, Opcache, PhpAnswer};
use serde_json::json;

use crate::checks::failure::{Way, behind_apache, refused_by_status};
use crate::language::Text;
use crate::observation::{Measured, Observation, Part};
use crate::state::State;

/// The extensions that a PHP application on this platform may count on.
pub const CRITICAL_EXTENSIONS: [&str; 9] = [
    "pdo_mysql",
    "mysqli",
    "mbstring",
    "intl",
    "curl",
    "openssl",
    "json",
    "xml",
    "opcache",
];

/// What the answer to `/probe?part=php`, or its absence, means for PHP and for its extensions.
pub fn judge(result: &Result<Answer, HttpError>, way: Way) -> [Observation; 2] {
    match read(result, way) {
        Ok((answer, latency)) => [interpreter(&answer, latency), extensions(&answer, latency)],
        Err(observation) => {
            let mut of_extensions = (*observation).clone();
            // That PHP is down says nothing about what it would load.
            of_extensions.state = State::Unknown;
            let Text { en, fr } = &observation.summary;
            if observation.state == State::Down {
                of_extensions.summary = Text::new(
                    format!("cannot be asked: {en}"),
                    format!("ne peuvent pas être interrogées : {fr}"),
                );
            }
            [*observation, of_extensions]
        }
    }
}

/// What the answer to `/probe?part=pdo_mysql` or `…=mysqli`, or its absence, means.
pub fn judge_connection(result: &Result<Answer, HttpError>, way: Way, part: ConnectionPart) -> Observation {
    let (answer, _) = match read(result, way) {
        Ok(answer) => answer,
        Err(observation) => return *observation,
    };
    let connection = match part {
        ConnectionPart::PdoMysql => answer.pdo_mysql,
        ConnectionPart::Mysqli => answer.mysqli,
    };
    match connection {
        Some(connection) => of_connection(connection),
        None => Observation::bare(
            State::Unknown,
            Text::new("the probe does not tell", "la sonde ne le dit pas"),
        ),
    }
}

/// A way from PHP to the database.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConnectionPart {
    /// PDO.
    PdoMysql,
    /// MySQLi.
    Mysqli,
}

fn read(result: &Result<Answer, HttpError>, way: Way) -> Result<(PhpAnswer, Duration), Box<Observation>> {
    let answer = result.as_ref().map_err(|error| Box::new(behind_apache(error, way)))?;
    if let Some(refused) = refused_by_status(answer) {
        return Err(Box::new(refused));
    }
    let unreadable = || {
        Text::new(
            "the probe's answer is not readable",
            "la réponse de la sonde n'est pas lisible",
        )
    };
    match PhpAnswer::parse(&answer.body) {
        Ok(parsed) => Ok((parsed, answer.latency)),
        Err(_) => Err(Box::new(Observation::bare(State::Unknown, unreadable()))),
    }
}

fn interpreter(answer: &PhpAnswer, latency: Duration) -> Observation {
    let Some(php) = &answer.php else {
        return Observation::bare(
            State::Unknown,
            Text::new("the probe does not tell", "la sonde ne le dit pas"),
        );
    };
    let version = php.version.as_deref().unwrap_or("?");
    let sapi = php.sapi.as_deref().unwrap_or("?");
    let cached = answer.opcache.as_ref().and_then(|opcache| opcache.enabled);
    let (state, summary) = match cached {
        Some(false) => (
            State::Degraded,
            Text::new(
                format!("{version}, its opcode cache is off"),
                format!("{version}, son cache d'opcodes est arrêté"),
            ),
        ),
        _ => (
            State::Operational,
            Text::new(format!("{version} serves ({sapi})"), format!("{version} sert ({sapi})")),
        ),
    };
    let mut observation = Observation::bare(state, summary);
    observation.latency = Some(latency);
    observation.details = json!({
        "version": php.version,
        "sapi": php.sapi,
        "zend_version": php.zend_version,
        "ini": php.ini,
        "memory_limit": php.memory_limit,
        "timezone": php.timezone,
        "opcache": answer.opcache,
    });
    observation.push_fact(Text::same("Version"), php.version.clone().map(Text::same));
    observation.push_fact(Text::same("SAPI"), php.sapi.clone().map(Text::same));
    observation.push_fact(
        Text::new("Memory limit", "Limite mémoire"),
        php.memory_limit.clone().map(Text::same),
    );
    if let Some(opcache) = &answer.opcache {
        push_opcache(&mut observation, opcache);
    }
    observation.measured = Some(Measured::Php(php.clone(), answer.opcache.clone()));
    observation
}

fn push_opcache(observation: &mut Observation, opcache: &Opcache) {
    let state = match opcache.enabled {
        Some(true) => Text::new("on", "actif"),
        Some(false) => Text::new("off", "arrêté"),
        None => Text::new("unknown", "inconnu"),
    };
    observation.push_fact(Text::same("OPcache"), Some(state));
    let memory = opcache
        .memory_used
        .map(|used| Text::each(|language| language.bytes(used)));
    observation.push_fact(Text::new("OPcache memory", "Mémoire OPcache"), memory);
    let rate = opcache
        .hit_rate
        .map(|rate| Text::each(|language| format!("{}\u{a0}%", language.decimal(rate, 1))));
    observation.push_fact(Text::new("OPcache hits", "Succès OPcache"), rate);
}

fn extensions(answer: &PhpAnswer, latency: Duration) -> Observation {
    let Some(extensions) = &answer.extensions else {
        return Observation::bare(
            State::Unknown,
            Text::new("the probe does not tell", "la sonde ne le dit pas"),
        );
    };
    let found: Vec<Found> = CRITICAL_EXTENSIONS
        .iter()
        .map(|name| Found::new(name, extensions))
        .collect();
    let missing: Vec<&str> = found
        .iter()
        .filter(|found| !found.loaded)
        .map(|found| found.name)
        .collect();
    let broken: Vec<&str> = found
        .iter()
        .filter(|found| found.loaded && !found.works())
        .map(|found| found.name)
        .collect();
    let count = CRITICAL_EXTENSIONS.len();
    let (state, summary) = match (missing.as_slice(), broken.as_slice()) {
        ([], []) => (
            State::Operational,
            Text::new(
                format!("all {count} critical extensions work"),
                format!("les {count} extensions critiques fonctionnent"),
            ),
        ),
        ([], broken) => {
            let names = broken.join(", ");
            (
                State::Down,
                Text::new(
                    format!("loaded but failing: {names}"),
                    format!("chargées mais en échec : {names}"),
                ),
            )
        }
        (missing, _) => {
            let names = missing.join(", ");
            (
                State::Down,
                Text::new(format!("missing: {names}"), format!("manquantes : {names}")),
            )
        }
    };
    let mut observation = Observation::bare(state, summary);
    observation.latency = Some(latency);
    observation.details = json!({
        "critical": found.iter().map(Found::detail).collect::<Vec<_>>(),
        "loaded_total": extensions.loaded.len(),
    });
    let total = extensions.loaded.len() as u64;
    observation.push_fact(
        Text::new("Loaded in all", "Chargées en tout"),
        Some(Text::each(|language| language.whole(total))),
    );
    observation.parts = found.iter().map(Found::part).collect();
    observation.measured = Some(Measured::Extensions(
        found.iter().map(|found| (found.name, found.good())).collect(),
    ));
    observation
}

/// What was found of one critical extension.
struct Found {
    name: &'static str,
    loaded: bool,
    version: String,
    working: Option<bool>,
}

impl Found {
    fn new(name: &'static str, extensions: &Extensions) -> Self {
        let version = extensions.version_of(name);
        Self {
            name,
            loaded: version.is_some(),
            version: version.unwrap_or("").to_owned(),
            working: extensions.works(name),
        }
    }

    /// An extension that was not tried is taken at its word.
    fn works(&self) -> bool {
        self.working.unwrap_or(true)
    }

    fn good(&self) -> bool {
        self.loaded && self.works()
    }

    fn detail(&self) -> serde_json::Value {
        let state = if self.loaded { "loaded" } else { "missing" };
        json!({ "name": self.name, "state": state, "version": self.version, "working": self.working })
    }

    fn part(&self) -> Part {
        let note = match (self.loaded, self.works()) {
            (false, _) => "missing",
            (true, false) => "failing",
            (true, true) => "",
        };
        Part {
            name: self.name.to_owned(),
            note: note.to_owned(),
            good: self.good(),
        }
    }
}

fn of_connection(connection: Connection) -> Observation {
    let milliseconds = connection
        .latency_ms
        .filter(|latency| latency.is_finite() && (0.0..1e9).contains(latency));
    let mut observation = if connection.connected {
        let version = connection.server_version.clone().unwrap_or_default();
        Observation::bare(State::Operational, Text::new("connected", "connecté")).with_version(version)
    } else {
        Observation::bare(State::Down, connection_error(connection.error.as_deref().unwrap_or("")))
    };
    observation.latency = milliseconds.map(|latency| Duration::from_secs_f64(latency / 1000.0));
    observation.details = json!({
        "connected": connection.connected,
        "server_version": connection.server_version,
        "error_code": connection.error.as_deref().and_then(error_code),
    });
    observation.measured = Some(Measured::Connection(connection));
    observation
}

impl Observation {
    fn with_version(mut self, version: String) -> Self {
        self.push_fact(
            Text::new("Server", "Serveur"),
            (!version.is_empty()).then(|| Text::same(version)),
        );
        self
    }
}

/// The driver's words name accounts and hosts, so they are told by their number.
fn connection_error(error: &str) -> Text {
    let code = error_code(error);
    let (en, fr) = match code {
        Some(2002 | 2003) => ("the database cannot be reached", "la base est injoignable"),
        Some(2006 | 2013) => ("the database does not answer", "la base ne répond pas"),
        Some(1040) => (
            "the database has no connection left",
            "la base n'a plus de connexion libre",
        ),
        Some(1044 | 1045 | 1130 | 1698) => (
            "the application's account is refused",
            "le compte de l'application est refusé",
        ),
        Some(1049) => (
            "the application's database does not exist",
            "la base de l'application n'existe pas",
        ),
        _ if error.contains("password file") => (
            "the password file cannot be read",
            "le fichier du mot de passe est illisible",
        ),
        _ if error.contains("getaddrinfo") => ("the database's name is not known", "le nom de la base n'est pas connu"),
        _ => ("no connection", "aucune connexion"),
    };
    match code {
        Some(code) => Text::new(format!("{en} (error {code})"), format!("{fr} (erreur {code})")),
        None => Text::new(en, fr),
    }
}

/// The first number of four digits: `SQLSTATE[HY000] [2002] Connection refused`.
fn error_code(error: &str) -> Option<u16> {
    error
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| word.len() == 4)
        .find_map(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer {
            status: 200,
            content_type: None,
            body: body.as_bytes().to_vec().into(),
            latency: Duration::from_millis(3),
        }
    }

    fn php(body: &str) -> [Observation; 2] {
        judge(
            &Ok(answer(&format!(r#"{{"schema":"qclock.php-probe/1",{body}}}"#))),
            Way::Open,
        )
    }

    fn all_loaded_but(names: &[&str], failing: &str) -> String {
        let loaded = CRITICAL_EXTENSIONS
            .iter()
            .filter(|name| !names.contains(name))
            .map(|name| format!(r#""{name}":"8.2.29""#));
        let loaded: Vec<String> = loaded.collect();
        format!(
            r#""extensions":{{"loaded":{{{}}},"working":{{"mbstring":true{failing}}}}}"#,
            loaded.join(",")
        )
    }

    #[test]
    fn php_that_serves_is_operational_with_its_details() {
        let [php, extensions] = php(&format!(
            r#""php":{{"version":"8.2.29","sapi":"fpm-fcgi"}},"opcache":{{"enabled":true,"hit_rate":99}},{}"#,
            all_loaded_but(&[], "")
        ));
        assert_eq!((php.state, extensions.state), (State::Operational, State::Operational));
        assert_eq!(
            (
                &php.details["version"],
                &php.details["sapi"],
                &php.details["opcache"]["enabled"]
            ),
            (&json!("8.2.29"), &json!("fpm-fcgi"), &json!(true))
        );
        assert_eq!(extensions.details["critical"][0]["state"], "loaded");
        assert_eq!(extensions.parts.len(), 9);
    }

    #[test]
    fn a_missing_or_failing_extension_is_down() {
        let [_, missing] = php(&all_loaded_but(&["intl", "curl"], ""));
        assert_eq!(
            (missing.state, missing.summary.en.as_str()),
            (State::Down, "missing: intl, curl")
        );
        let [_, failing] = php(&all_loaded_but(&[], r#","openssl":false"#));
        assert_eq!(
            (failing.state, failing.summary.en.as_str()),
            (State::Down, "loaded but failing: openssl")
        );
    }

    #[test]
    fn no_opcode_cache_degrades_php() {
        let [php, _] = php(r#""php":{"version":"8.2.29"},"opcache":{"enabled":false}"#);
        assert_eq!(php.state, State::Degraded);
    }

    #[test]
    fn what_php_would_load_is_unknown_while_it_is_down() {
        let result = Ok(Answer {
            status: 503,
            content_type: None,
            body: Vec::new().into(),
            latency: Duration::ZERO,
        });
        let [php, extensions] = judge(&result, Way::Open);
        assert_eq!((php.state, extensions.state), (State::Down, State::Unknown));
    }

    #[test]
    fn a_refused_connection_tells_its_number_and_no_account() {
        let body = r#"{"schema":"qclock.php-probe/1","mysqli":{"connected":false,"latency_ms":null,
            "error":"Access denied for user 'qclock'@'10.0.0.2' [1045] (using password: YES)"}}"#;
        let observation = judge_connection(&Ok(answer(body)), Way::Open, ConnectionPart::Mysqli);
        assert_eq!(observation.state, State::Down);
        assert_eq!(
            observation.summary.en,
            "the application's account is refused (error 1045)"
        );
        assert!(!observation.details.to_string().contains("10.0.0.2"));
        let observation = judge_connection(&Ok(answer(body)), Way::Open, ConnectionPart::PdoMysql);
        assert_eq!(observation.state, State::Unknown);
    }

    #[test]
    fn a_connection_has_its_own_latency() {
        let body = r#"{"schema":"qclock.php-probe/1","pdo_mysql":{"connected":true,"latency_ms":1.5,"server_version":"10.11.6"}}"#;
        let observation = judge_connection(&Ok(answer(body)), Way::Open, ConnectionPart::PdoMysql);
        assert_eq!(
            (observation.state, observation.latency),
            (State::Operational, Some(Duration::from_micros(1500)))
        );
        assert_eq!(error_code("SQLSTATE[HY000] [2002] Connection refused"), Some(2002));
        assert_eq!(error_code("nothing here"), None);
    }
}
