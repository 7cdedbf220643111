//! Signing in by a provider that is not Keycloak: a certified implementation (node's `oidc-provider`), with other groups, another kind of
//! key, and answers that name their issuer.  Needs node and npm; where they or the package cannot be had, the test says so and is left out.
#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::panic, reason = "tests")]

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use qclock_dashboard::configuration::Configuration;
use qclock_dashboard::log::Log;
use qclock_dashboard::run::Dashboard;
use qclock_testkit::client::{self, Answer};
use qclock_testkit::wait::wait_for;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
/// The most pages between a click and where it ends.
const LONGEST_WAY: usize = 12;

struct Stage {
    dashboard: String,
    provider: String,
    process: Child,
    /// It would end if nobody listened to it any more.
    _said: BufReader<ChildStdout>,
    _running: Dashboard,
    _runtime: tokio::runtime::Runtime,
    folder: TempDir,
}

/// A browser without a window: cookies by host, and where it is.
#[derive(Default)]
struct Visitor {
    cookies: Vec<(String, String, String)>,
    address: String,
}

impl Stage {
    /// Nothing when this machine cannot have such a provider.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        if let Err(reason) = install(folder.path()) {
            println!("skipped: no second provider: {reason}");
            return None;
        }
        let secret = folder.path().join("secret");
        std::fs::write(&secret, format!("{:x}\n", std::process::id() * 7919)).unwrap();
        let [dashboard, provider] = [free_port(), free_port()].map(|port| format!("http://127.0.0.1:{port}"));
        let mut process = Command::new("node")
            .arg("provider.mjs")
            .arg(provider.rsplit(':').next().unwrap())
            .args([&dashboard, &dashboard])
            .arg(&secret)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let configuration = Configuration::from_environment(environment(&dashboard, &provider, &secret)).unwrap();
        let running = runtime.block_on(Dashboard::start(configuration, Log::Nowhere)).unwrap();
        Some(Self {
            dashboard,
            provider,
            process,
            _said: said,
            _running: running,
            _runtime: runtime,
            folder,
        })
    }

    fn sign_in(&self, visitor: &mut Visitor, login: &str) -> Answer {
        let login_page = visitor.open(&format!("{}/qclock/sign-in?return=/qclock/audit", self.dashboard));
        assert!(visitor.address.starts_with(&self.provider), "{}", visitor.address);
        let consent = visitor.submit(&login_page, &format!("prompt=login&login={login}&password=any"));
        visitor.submit(&consent, "prompt=consent")
    }

    /// The provider gives somebody other groups; with none they are gone.
    fn regroup(&self, name: &str, groups: &str) {
        let people = self.folder.path().join("people");
        std::fs::create_dir_all(&people).unwrap();
        std::fs::write(people.join(name), groups).unwrap();
    }

    /// Opens a page of the dashboard until it says this.
    fn until(&self, visitor: &mut Visitor, path: &str, status: u16, text: &str) {
        let address = format!("{}{path}", self.dashboard);
        wait_for("the provider's change reaches the dashboard", PATIENCE, || {
            let answer = visitor.open(&address);
            if answer.status == status && answer.body.contains(text) {
                return Ok(());
            }
            Err(format!("{} {}", answer.status, visitor.address))
        })
        .unwrap();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Visitor {
    fn open(&mut self, address: &str) -> Answer {
        self.ask(address, None)
    }

    /// Sends the page's form.
    fn submit(&mut self, page: &Answer, fields: &str) -> Answer {
        let action = page
            .body
            .split("action=\"")
            .nth(1)
            .unwrap_or_else(|| panic!("no form: {}", page.body));
        let action = action.split('"').next().unwrap().to_owned();
        self.ask(&action, Some(fields))
    }

    fn ask(&mut self, address: &str, form: Option<&str>) -> Answer {
        let (mut address, mut form) = (address.to_owned(), form);
        for _ in 0..LONGEST_WAY {
            let host = address.split('/').nth(2).unwrap().to_owned();
            let cookies: Vec<String> = self
                .cookies
                .iter()
                .filter(|(of, ..)| *of == host)
                .map(|(_, name, value)| format!("{name}={value}"))
                .collect();
            let cookies = cookies.join("; ");
            let headers = [
                FORM,
                ("Cookie", &cookies),
                ("Sec-Fetch-Site", "same-origin"),
                ("Accept", "text/html"),
            ];
            let answer = match form.take() {
                Some(form) => client::post(&address, &headers, form, PATIENCE),
                None => client::request("GET", &address, &headers[1..], PATIENCE),
            }
            .unwrap();
            self.keep(&host, &answer);
            self.address.clone_from(&address);
            match answer.header("location") {
                Some(next) if next.starts_with('/') => address = format!("http://{host}{next}"),
                Some(next) => next.clone_into(&mut address),
                None => return answer,
            }
        }
        panic!("sent around without end, last to {address}");
    }

    fn keep(&mut self, host: &str, answer: &Answer) {
        for (_, text) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies
                .retain(|(of, known, _)| (of.as_str(), known.as_str()) != (host, name));
            if !value.is_empty() {
                self.cookies.push((host.to_owned(), name.to_owned(), value.to_owned()));
            }
        }
    }
}

fn install(folder: &Path) -> Result<(), String> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/other_provider");
    for name in ["package.json", "package-lock.json", "provider.mjs"] {
        std::fs::copy(from.join(name), folder.join(name)).unwrap();
    }
    for (program, arguments) in [
        ("node", &["--version"][..]),
        (
            "npm",
            &[
                "ci",
                "--silent",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--prefer-offline",
            ],
        ),
    ] {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{program}: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{program} {}: {said:.400}", arguments[0]));
        }
    }
    Ok(())
}

fn environment(dashboard: &str, provider: &str, secret: &Path) -> Vec<(OsString, OsString)> {
    let listen = dashboard.strip_prefix("http://").unwrap();
    [
        ("QCLOCK_DASHBOARD_LISTEN", listen),
        ("QCLOCK_APP_STATUS_URL", "http://127.0.0.1:9"),
        ("QCLOCK_DB_HOST", "127.0.0.1"),
        ("QCLOCK_DB_PORT", "9"),
        ("QCLOCK_OIDC_ISSUER", provider),
        ("QCLOCK_OIDC_CLIENT_SECRET_FILE", secret.to_str().unwrap()),
        ("QCLOCK_OIDC_ROLES_CLAIM", "org.groups"),
        ("QCLOCK_OIDC_ROLES_MAP", "night-shift=operator,revision=auditor"),
        ("QCLOCK_PUBLIC_URL", dashboard),
        ("QCLOCK_STATUS_ACCESS", "private"),
        ("QCLOCK_SESSION_CHECK_SECONDS", "1"),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .to_vec()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_certified_provider_signs_people_in_and_out() {
    let Some(stage) = Stage::start() else { return };

    let mut auditor = Visitor::default();
    let audit = stage.sign_in(&mut auditor, "ann%2Bnight-shift%2Brevision");
    assert_eq!(
        (audit.status, auditor.address.as_str()),
        (200, &*format!("{}/qclock/audit", stage.dashboard))
    );
    assert!(audit.body.contains("Dr ann+night-shift+revision"), "{}", audit.body);
    let account = auditor.open(&format!("{}/qclock/account", stage.dashboard));
    assert!(
        account.body.contains("operator, auditor") && account.body.contains(&stage.provider),
        "{}",
        account.body
    );

    let mut operator = Visitor::default();
    assert_eq!(stage.sign_in(&mut operator, "bob%2Bnight-shift").status, 403);
    assert_eq!(operator.open(&format!("{}/", stage.dashboard)).status, 200);

    // A name of ours that is not in the map means nothing.
    let mut pretender = Visitor::default();
    let account = stage.sign_in(&mut pretender, "cem%2Badmin%2Bviewer");
    assert!(account.body.contains("no role"), "{}", account.body);
    assert_eq!(pretender.open(&format!("{}/", stage.dashboard)).status, 403);

    changes_reach_sessions(&stage, &mut operator);
    signs_out_everywhere(&stage);
    signs_out(&stage, &mut auditor);
}

/// More, less, nobody: each with a token that is good once.
fn changes_reach_sessions(stage: &Stage, visitor: &mut Visitor) {
    stage.regroup("bob", "night-shift revision");
    stage.until(visitor, "/qclock/account", 200, "operator, auditor");
    stage.regroup("bob", "revision");
    stage.until(visitor, "/qclock/audit", 200, "Roles changed");
    stage.regroup("bob", "other");
    stage.until(visitor, "/qclock/audit", 403, "");
    stage.regroup("bob", "");
    stage.until(visitor, "/qclock/account", 401, "no longer confirms your session");
}

/// Two browsers with sessions of their own there.  The other one's token is given back, which ends what was given for its sign-in.
fn signs_out_everywhere(stage: &Stage) {
    let (mut desk, mut phone) = (Visitor::default(), Visitor::default());
    for visitor in [&mut desk, &mut phone] {
        assert_eq!(stage.sign_in(visitor, "dee%2Brevision").status, 200);
    }
    let account = format!("{}/qclock/account", stage.dashboard);
    let page = desk.open(&account);
    let token = page.body.split("name=\"token\" value=\"").nth(1).unwrap();
    let form = format!("token={}", token.split('"').next().unwrap());
    desk.ask(&format!("{}/qclock/sign-out/everywhere", stage.dashboard), Some(&form));
    assert!(
        desk.address.starts_with(&format!("{}/session/end?", stage.provider)),
        "{}",
        desk.address
    );
    phone.cookies.retain(|(host, ..)| stage.dashboard.ends_with(host));
    phone.open(&account);
    assert!(phone.address.contains("/interaction/"), "{}", phone.address);
}

/// Out here, out there, and by its own message out in another browser that shared the session there.
fn signs_out(stage: &Stage, visitor: &mut Visitor) {
    let host = stage.dashboard.strip_prefix("http://").unwrap();
    let there = visitor.cookies.iter().filter(|(of, ..)| of != host);
    let mut other = Visitor {
        cookies: there.cloned().collect(),
        ..Visitor::default()
    };
    let account = format!("{}/qclock/account", stage.dashboard);
    assert_eq!(other.open(&account).status, 200);
    assert_eq!(other.address, account, "the provider knows them already");

    let page = visitor.open(&account);
    let token = page.body.split("name=\"token\" value=\"").nth(1).unwrap();
    let token = token.split('"').next().unwrap().to_owned();
    let asked = visitor.ask(
        &format!("{}/qclock/sign-out", stage.dashboard),
        Some(&format!("token={token}")),
    );
    assert!(
        visitor.address.starts_with(&format!("{}/session/end?", stage.provider)),
        "{}",
        visitor.address
    );
    let xsrf = asked.body.split("name=\"xsrf\" value=\"").nth(1).unwrap();
    let xsrf = xsrf.split('"').next().unwrap().to_owned();
    let ended = visitor.submit(&asked, &format!("xsrf={xsrf}&logout=yes"));
    // Back on the dashboard, where the status is private: on to the provider, which asks who it is.
    assert!(
        visitor.address.contains("/interaction/") && ended.body.contains("login"),
        "{}",
        visitor.address
    );

    wait_for("the provider's message ends the other session", PATIENCE, || {
        other.open(&account);
        if other.address == account {
            Err("still signed in")
        } else {
            Ok(())
        }
    })
    .unwrap();
}
