//! `qclock realm`: a running realm and its file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;
use qclock_realm::{Admin, AdminError, Applied, ApplyError, Change, Credentials, Desired, DocumentError, apply};
use serde_json::{Value, json};
use thiserror::Error;

use crate::cli::Cli;
use crate::context::load_project;
use crate::exit::ExitStatus;
use crate::failure::CommandFailure;
use crate::printer::Printer;

/// The realm's file, from the project's root.
const FILE: &str = "images/identity/rootfs/etc/qclock/realm/qclock.json";
const CLIENT: &str = "qclock-realm";
const CLIENT_SECRET: &str = "identity_realm_secret";
/// A secret is one line.
const LARGEST_SECRET: u64 = 4096;

/// Show or apply what the realm's file says and the running realm does not
///
/// Keycloak reads the file of a realm once, when there is no such realm; a realm that exists is left alone. These two show what has
/// changed since, in the file or by hand, and make the realm as the file says. What the file does not mention is never touched, nor
/// are people, their passwords and roles, or the secrets of clients that exist.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  qclock realm diff
  qclock realm apply
  qclock realm diff --url https://sign-in.example.org/auth --file realm.json")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Print the differences; status 1 if there are any
    Diff(Where),
    /// Make the realm as its file says
    Apply(Where),
}

#[derive(Debug, clap::Args)]
struct Where {
    /// Address of the identity provider, with its path
    #[arg(
        long,
        value_name = "URL",
        env = "QCLOCK_IDENTITY_URL",
        default_value = "http://localhost:8081/auth",
        hide_env = true
    )]
    url: String,
    /// Address of the dashboard and the application, as browsers see it
    #[arg(
        long,
        value_name = "URL",
        env = "QCLOCK_PUBLIC_URL",
        default_value = "http://localhost:8080",
        hide_env = true
    )]
    public_url: String,
    /// The realm's file [default: images/identity/rootfs/etc/qclock/realm/qclock.json]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Folder of the secrets: identity_realm_secret signs in, and a client that is made anew gets its own
    #[arg(long, value_name = "DIR", env = "QCLOCK_SECRETS_DIR", hide_env = true)]
    secrets: Option<PathBuf>,
}

#[derive(Debug, Error)]
enum RealmError {
    #[error("cannot read `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{}` holds no secret of one line", path.display())]
    NoSecret { path: PathBuf },
    #[error("cannot wait for answers")]
    Runtime(#[source] std::io::Error),
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl From<AdminError> for RealmError {
    fn from(error: AdminError) -> Self {
        Self::Apply(error.into())
    }
}

impl From<RealmError> for CommandFailure {
    fn from(error: RealmError) -> Self {
        let (status, hint) = match &error {
            RealmError::Read { .. } | RealmError::NoSecret { .. } => (
                ExitStatus::Usage,
                Some("`qclock secrets` makes them; `--secrets` and `--file` name other places"),
            ),
            RealmError::Document(_) => (ExitStatus::Usage, None),
            RealmError::Runtime(_) => (ExitStatus::Environment, None),
            RealmError::Apply(ApplyError::NoSecret { .. } | ApplyError::NoRole { .. }) => (ExitStatus::Usage, None),
            RealmError::Apply(ApplyError::Admin(error)) => match error {
                AdminError::SignIn { .. } => (
                    ExitStatus::Usage,
                    Some(
                        "the secret is the one of the realm's first start: was the volume made by another installation?",
                    ),
                ),
                AdminError::Forbidden { .. } => (
                    ExitStatus::Usage,
                    Some(
                        "Apache lets only the networks of QCLOCK_IDENTITY_ADMIN_NETWORKS through, and the client's service account needs the role realm-admin",
                    ),
                ),
                AdminError::NoAnswer { .. } => (
                    ExitStatus::Environment,
                    Some("is the stack up? `--url` names another address"),
                ),
                _ => (ExitStatus::Environment, None),
            },
        };
        Self {
            status,
            error: Box::new(error),
            hint: hint.map(ToOwned::to_owned),
        }
    }
}

pub(crate) fn run(arguments: &Arguments, cli: &Cli, printer: Printer) -> Result<ExitStatus, CommandFailure> {
    let (Action::Diff(place) | Action::Apply(place)) = &arguments.action;
    let root = || load_project(cli, None).map(|project| project.root);
    let file = place
        .file
        .clone()
        .map_or_else(|| root().map(|root| root.join(FILE)), Ok)?;
    let folder = place
        .secrets
        .clone()
        .map_or_else(|| root().map(|root| root.join("secrets")), Ok)?;

    let text = fs::read_to_string(&file).map_err(|source| RealmError::Read { path: file, source })?;
    let variables = public_variables(&place.url, &place.public_url);
    let desired = Desired::parse(&text, |name| variables.get(name).cloned()).map_err(RealmError::from)?;
    let credentials = Credentials {
        client: CLIENT.to_owned(),
        secret: secret(&folder.join(CLIENT_SECRET))?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RealmError::Runtime)?;
    let sign_in = Admin::sign_in(&place.url, &desired.name, &credentials);
    let admin = runtime.block_on(sign_in).map_err(RealmError::from)?;
    match &arguments.action {
        Action::Diff(_) => {
            let actual = runtime.block_on(admin.export()).map_err(RealmError::from)?;
            Ok(show(&desired.name, &desired.differences(&actual), printer))
        }
        Action::Apply(_) => {
            // `QCLOCK_IDENTITY_CLIENT_SECRET` is in the file `identity_client_secret`.
            let of_name = |name: &str| {
                let file = name.strip_prefix("QCLOCK_")?.to_ascii_lowercase();
                secret(&folder.join(file)).ok()
            };
            let applied = runtime
                .block_on(apply(&admin, &desired, of_name))
                .map_err(RealmError::from)?;
            Ok(tell(&desired.name, &applied, printer))
        }
    }
}

/// What differs between installations and is no secret, under the names of the file.
fn public_variables(url: &str, public_url: &str) -> BTreeMap<&'static str, String> {
    let public = public_url.trim_end_matches('/').to_owned();
    BTreeMap::from([
        ("QCLOCK_IDENTITY_URL", url.trim_end_matches('/').to_owned()),
        ("QCLOCK_DASHBOARD_PUBLIC_URL", public.clone()),
        ("QCLOCK_PUBLIC_URL", public),
    ])
}

fn secret(path: &Path) -> Result<String, RealmError> {
    use std::io::Read as _;

    let mut text = String::new();
    let file = fs::File::open(path);
    let read = file.and_then(|file| file.take(LARGEST_SECRET).read_to_string(&mut text));
    read.map_err(|source| RealmError::Read {
        path: path.to_owned(),
        source,
    })?;
    let line = text.trim_end_matches(['\n', '\r']);
    if line.is_empty() || line.contains('\n') {
        return Err(RealmError::NoSecret { path: path.to_owned() });
    }
    Ok(line.to_owned())
}

fn show(realm: &str, changes: &[Change], printer: Printer) -> ExitStatus {
    if printer.is_json() {
        printer.json(&json!({"schema": "qclock.realm-diff/1", "realm": realm, "changes": listed(changes)}));
    } else if changes.is_empty() {
        printer.line(&format!("The realm `{realm}` is as its file says."));
    } else {
        print(changes, printer);
    }
    if changes.is_empty() {
        ExitStatus::Done
    } else {
        ExitStatus::No
    }
}

fn tell(realm: &str, applied: &Applied, printer: Printer) -> ExitStatus {
    let Applied { changes, remaining } = applied;
    if printer.is_json() {
        let document = json!({
            "schema": "qclock.realm-apply/1", "realm": realm, "changes": listed(changes), "remaining": listed(remaining),
        });
        printer.json(&document);
    } else {
        print(changes, printer);
        match remaining.len() {
            0 => printer.line(&format!("The realm `{realm}` is as its file says.")),
            count => {
                printer.line(&format!("{count} differences remain, to be changed in the console:"));
                print(remaining, printer);
            }
        }
    }
    if remaining.is_empty() {
        ExitStatus::Done
    } else {
        ExitStatus::No
    }
}

fn print(changes: &[Change], printer: Printer) {
    for Change { path, desired, actual } in changes {
        let path = path.join(".");
        match actual {
            None => printer.line(&format!("+ {path}: {desired}")),
            Some(actual) => printer.line(&format!("~ {path}: {actual} -> {desired}")),
        }
    }
}

fn listed(changes: &[Change]) -> Vec<Value> {
    let one = |change: &Change| json!({"path": change.path, "desired": change.desired, "actual": change.actual});
    changes.iter().map(one).collect()
}
