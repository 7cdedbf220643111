//! The identity provider and its database, in a stack of their own.

mod several;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use qclock_testkit::client;
use qclock_testkit::stack::Stack;
use qclock_testkit::wait::wait_for;
use serde_json::Value;

use crate::first_start::{Sequence, pause_until, seed};
use crate::part::Part;
use crate::rounds;

pub(crate) use several::share_sign_in;

const SERVICE: &str = "identity";
const DATABASE: &str = "identity-db";
/// What is promised is 90 s for a first start and 30 s for a later one, on two otherwise idle cores; tests run on busy ones.
const READY_WITHIN: Duration = Duration::from_secs(300);
/// For one answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The driver gives a silent connection up after 15 s, and a health check asks every 5 s.
const SHOWN_WITHIN: Duration = Duration::from_secs(60);
/// A first start takes about 30 s on idle cores.
const FIRST_START_MILLISECONDS: u64 = 40_000;
const SECRETS: [&str; 6] = [
    "identity_db_password",
    "identity_app_secret",
    "identity_client_secret",
    "identity_realm_secret",
    "identity_admin_password",
    "identity_console_password",
];

fn new(stack: &Stack, name: &str) -> Result<Part> {
    Part::new(stack, name, SERVICE, &[DATABASE], READY_WITHIN)
}

fn url(identity: &Part, path: &str) -> Result<String> {
    Ok(format!("http://{}:8080/auth{path}", identity.address(SERVICE)?))
}

fn get(identity: &Part, path: &str) -> Result<client::Answer> {
    client::get(&url(identity, path)?, PATIENCE)
}

/// The realm is whole: its own client signs in with the secret of this stack, and reads the realm.
fn realm(identity: &Part) -> Result<Value> {
    let body = format!(
        "grant_type=client_credentials&client_id=qclock-realm&client_secret={}",
        identity.secret("identity_realm_secret")?
    );
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let token = client::post(
        &url(identity, "/realms/qclock/protocol/openid-connect/token")?,
        &[kind],
        &body,
        PATIENCE,
    )?;
    ensure!(token.status == 200, "no token: {} {}", token.status, token.body);
    let token = token.json()?["access_token"].as_str().context("no token")?.to_owned();
    let answer = client::request(
        "GET",
        &url(identity, "/admin/realms/qclock")?,
        &[("Authorization", &format!("Bearer {token}"))],
        PATIENCE,
    )?;
    ensure!(answer.status == 200, "the realm: {} {}", answer.status, answer.body);
    answer.json()
}

/// Comes up twice, serves what browsers and the dashboard ask for, and tells no secret.
pub(crate) fn starts_and_serves(stack: &Stack) -> Result<()> {
    let identity = new(stack, "identity")?;
    let first = identity.up()?;
    let settings = realm(&identity)?;
    ensure!(
        settings["bruteForceProtected"] == true && settings["eventsEnabled"] == true,
        "the realm is not as its file says: {settings}"
    );
    discovery(&identity)?;
    sign_in_page(&identity)?;
    let memory = memory(&identity)?;
    silent(&identity)?;

    identity.stack.compose(&["restart", SERVICE])?;
    let later = identity.ready()?;
    realm(&identity)?;
    identity.stack.compose(&["stop", SERVICE])?;
    let state = identity.stack.inspect(SERVICE)?["State"].clone();
    ensure!(state["ExitCode"] == 0, "a stop ends with {state}");
    println!("    identity: first start {first:.1?}, later one {later:.1?}, {memory}");
    identity.stack.remove()
}

fn discovery(identity: &Part) -> Result<()> {
    let document = get(identity, "/realms/qclock/.well-known/openid-configuration")?.json()?;
    let expected = format!("http://localhost:{}/auth/realms/qclock", identity.stack.identity_port);
    ensure!(document["issuer"] == expected, "the issuer is {}", document["issuer"]);
    let token = document["token_endpoint"].as_str().context("no token endpoint")?;
    ensure!(
        token.starts_with(&url(identity, "")?),
        "the back channel leads to {token}"
    );
    Ok(())
}

/// Where the dashboard has people come back to.
fn callback(identity: &Part) -> String {
    format!("http://localhost:{}/qclock/sign-in/callback", identity.stack.http_port)
}

/// As the dashboard sends people there, with a challenge of RFC 7636's own example.
fn path_of_sign_in(callback: &str) -> String {
    format!(
        "/realms/qclock/protocol/openid-connect/auth?client_id=qclock-dashboard&response_type=code&scope=openid&state=s\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&redirect_uri={callback}"
    )
}

/// The page, and its style sheets as every browser asks for them: compressed, which Keycloak needs a folder for.
fn sign_in_page(identity: &Part) -> Result<()> {
    let page = |language: &str, callback: &str| {
        let address = url(identity, &path_of_sign_in(callback))?;
        client::request("GET", &address, &[("Accept-Language", language)], PATIENCE)
    };
    let callback = callback(identity);
    let english = page("en", &callback)?;
    ensure!(english.status == 200, "the page of sign-in: {}", english.status);
    let french = page("fr", &callback)?;
    ensure!(
        french.body.contains("lang=\"fr\"") && english.body.contains("lang=\"en\""),
        "the page has one language"
    );
    let elsewhere = page("en", "http://evil.example/qclock/sign-in/callback")?;
    ensure!(
        elsewhere.status == 400,
        "a foreign redirect address: {}",
        elsewhere.status
    );
    let sheet = english
        .body
        .split('"')
        .find(|part| part.contains("/resources/") && part.contains(".css"))
        .context("the page has no style sheet")?;
    let path = sheet.split_once("/auth").context("the style sheet's address")?.1;
    let answer = client::request("GET", &url(identity, path)?, &[("Accept-Encoding", "gzip")], PATIENCE);
    // What is compressed is not text, which this client may mind.
    match answer {
        Ok(answer) => ensure!(answer.status == 200, "the style sheet: {}", answer.status),
        Err(error) => ensure!(
            !format!("{error:#}").contains("500"),
            "the style sheet, compressed: {error:#}"
        ),
    }
    Ok(())
}

fn memory(identity: &Part) -> Result<String> {
    let java = identity.stack.processes(SERVICE, "java")?;
    let java = java.first().context("no java")?;
    let times = fs_err::read_to_string(format!("/proc/{}/stat", java.pid))?;
    let fields: Vec<&str> = times.rsplit_once(')').context("stat")?.1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(format!(
        "{} MiB resident, {} s of CPU",
        java.resident / 1024,
        ticks / 100
    ))
}

/// No secret is where people look, and the files that held them have gone.
fn silent(identity: &Part) -> Result<()> {
    let mut said = vec![
        ("docker inspect", identity.stack.inspect(SERVICE)?.to_string()),
        ("docker logs", identity.stack.logs(SERVICE)?),
    ];
    for process in identity.stack.processes(SERVICE, "")? {
        for part in ["environ", "cmdline"] {
            let bytes = fs_err::read(format!("/proc/{}/{part}", process.pid))?;
            said.push(("/proc", String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    let java = identity.stack.processes(SERVICE, "java")?;
    let root = format!("/proc/{}/root/run/keycloak", java.first().context("no java")?.pid);
    let left: Vec<_> = fs_err::read_dir(format!("{root}/import"))?.collect::<Result<_, _>>()?;
    ensure!(left.is_empty(), "the realms' files are still there: {left:?}");
    said.push(("java.args", fs_err::read_to_string(format!("{root}/java.args"))?));
    said.push((
        "keycloak.conf",
        fs_err::read_to_string(format!("{root}/keycloak.conf"))?,
    ));
    for name in SECRETS {
        let secret = identity.secret(name)?;
        for (place, text) in &said {
            ensure!(!text.contains(secret.trim()), "`{name}` is in {place}");
        }
    }
    Ok(())
}

/// Frozen, its database makes it say so within a bound; thawed, it works again by itself.
pub(crate) fn database_frozen(stack: &Stack) -> Result<()> {
    let identity = new(stack, "frozen")?;
    identity.up()?;
    let ready = |wanted: u16| {
        wait_for(&format!("readiness answers {wanted}"), SHOWN_WITHIN, || {
            match get(&identity, "/health/ready") {
                Ok(answer) if answer.status == wanted => Ok(()),
                Ok(answer) => Err(format!("status {}", answer.status)),
                Err(error) => Err(format!("{error:#}")),
            }
        })
    };
    ready(200)?;
    identity.stack.compose(&["pause", DATABASE])?;
    let ((), shown) = ready(503)?;
    identity.stack.compose(&["unpause", DATABASE])?;
    let ((), healed) = ready(200)?;
    realm(&identity)?;
    println!("    frozen: told after {shown:.1?}, healed {healed:.1?} after the thaw");
    identity.stack.remove()
}

/// The network between the two breaks without a word: the database lets go what the silent one holds, before another Keycloak that waits
/// for it gives up for good.
pub(crate) fn network_broken(stack: &Stack) -> Result<()> {
    let identity = new(stack, "broken")?;
    identity.up()?;
    let mut monitor = identity.connect("qclock_monitor", "postgres", "identity_db_monitor_password")?;
    let mut sessions = || -> Result<i64> {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'keycloak'";
        Ok(monitor.query_one(count, &[])?.get(0))
    };
    let held = sessions()?;
    ensure!(held > 0, "no session of Keycloak to begin with");
    let network = format!("{}_identity-back", identity.stack.project);
    let container = identity.stack.container(SERVICE)?;
    identity
        .stack
        .run("docker", &["network", "disconnect", &network, &container])?;
    let ((), gone) = wait_for("the database has let go", SHOWN_WITHIN, || match sessions() {
        Ok(0) => Ok(()),
        Ok(left) => Err(format!("{left} of {held} sessions")),
        Err(error) => Err(format!("{error:#}")),
    })?;
    identity
        .stack
        .run("docker", &["network", "connect", &network, &container])?;
    let healed = identity.ready()?;
    realm(&identity)?;
    println!("    network broken: {held} sessions gone after {gone:.1?}, ready {healed:.1?} after it was mended");
    identity.stack.remove()
}

/// Whatever moment of its first start it is killed at, it ends with a whole realm.
pub(crate) fn killed_at_random(stack: &Stack) -> Result<()> {
    let seed = seed()?;
    println!("    seed {seed}");
    let mut random = Sequence::new(seed);
    let identity = new(stack, "identity-killed")?;
    for round in 1..=rounds(2, 10) {
        let moment = Duration::from_millis(random.next() % FIRST_START_MILLISECONDS);
        let told = || format!("round {round}, killed after {moment:?}, seed {seed}");
        identity.stack.compose(&["down", "--volumes"])?;
        identity.stack.compose(&["up", "--detach", SERVICE])?;
        pause_until(moment);
        identity.kill()?;
        identity.up().with_context(told)?;
        realm(&identity).with_context(told)?;
    }
    identity.stack.remove()
}
