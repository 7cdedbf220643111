//! The part of the configuration that is about people: the provider that they sign in by, and what is watched of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use openidconnect::IssuerUrl;
use openidconnect::url::Url;

use super::Database;
use super::reader::Reader;
use crate::sign_in::role::{Role, RoleRule};
use crate::sign_in::session::Limits;
use crate::sign_in::settings::{PublicUrl, SignInSettings};

const ISSUER: &str = "QCLOCK_OIDC_ISSUER";
const DISCOVERY_URL: &str = "QCLOCK_OIDC_DISCOVERY_URL";
const CLIENT_ID: &str = "QCLOCK_OIDC_CLIENT_ID";
const CLIENT_SECRET_FILE: &str = "QCLOCK_OIDC_CLIENT_SECRET_FILE";
const SCOPES: &str = "QCLOCK_OIDC_SCOPES";
const ROLES_CLAIM: &str = "QCLOCK_OIDC_ROLES_CLAIM";
const ROLES_MAP: &str = "QCLOCK_OIDC_ROLES_MAP";
const AUTHORITIES: &str = "QCLOCK_OIDC_CA_FILE";
const PUBLIC_URL: &str = "QCLOCK_PUBLIC_URL";
const STATUS_ACCESS: &str = "QCLOCK_STATUS_ACCESS";
const IDLE: &str = "QCLOCK_SESSION_IDLE_SECONDS";
const ABSOLUTE: &str = "QCLOCK_SESSION_SECONDS";
const MOST: &str = "QCLOCK_SESSION_COUNT";
const CHECK: &str = "QCLOCK_SESSION_CHECK_SECONDS";
const UNCHECKED: &str = "QCLOCK_SESSION_UNCHECKED_SECONDS";
const SERVICE_URL: &str = "QCLOCK_IDENTITY_URL";
const DB_HOST: &str = "QCLOCK_IDENTITY_DB_HOST";
const DB_PORT: &str = "QCLOCK_IDENTITY_DB_PORT";
const DB_NAME: &str = "QCLOCK_IDENTITY_DB_NAME";
const DB_PASSWORD_FILE: &str = "QCLOCK_IDENTITY_MONITOR_PASSWORD_FILE";

/// The names that are meant for the dashboard alone.
pub(super) const OWN: [&str; 13] = [
    ISSUER,
    DISCOVERY_URL,
    CLIENT_ID,
    CLIENT_SECRET_FILE,
    SCOPES,
    ROLES_CLAIM,
    ROLES_MAP,
    AUTHORITIES,
    IDLE,
    ABSOLUTE,
    MOST,
    CHECK,
    UNCHECKED,
];
/// The most sessions of one person.
const MOST_OF_ONE: usize = 16;

/// Who may see the status without having signed in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StatusAccess {
    /// Everybody.
    Public,
    /// Nobody.
    Private,
}

/// Signing in and what is behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Signing in, where a provider is configured.
    pub sign_in: Option<SignInSettings>,
    /// Who may see the status.
    pub status: StatusAccess,
    /// The provider as a service that is watched.
    pub service: Option<IdentityService>,
    /// Its database.
    pub database: Option<IdentityDatabase>,
}

/// The provider's service: a Keycloak that is reached on the inner network.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdentityService {
    /// Its base address, without a slash at the end.
    pub url: String,
    /// Where its document is, where one is expected of it.
    pub discovery_url: Option<String>,
    /// What that must call itself.
    pub issuer: Option<String>,
    /// A bundle of authorities to trust.
    pub authorities: Option<PathBuf>,
}

/// The provider's database.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IdentityDatabase {
    /// Where it is, and as whom it is visited.
    pub server: Database,
    /// The database that is connected to.
    pub name: String,
}

impl Identity {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let issuer = reader.unless_off(ISSUER);
        let sign_in = issuer.and_then(|issuer| sign_in(reader, &issuer));
        let status = status(reader, sign_in.is_some());
        Self {
            service: service(reader, sign_in.as_ref()),
            database: database(reader),
            sign_in,
            status,
        }
    }
}

fn sign_in(reader: &mut Reader, issuer: &str) -> Option<SignInSettings> {
    let wanted = "the provider's exact name, such as http://localhost:8081/auth/realms/qclock, or off";
    let Some(name) = address(issuer).and_then(|_| IssuerUrl::new(issuer.to_owned()).ok()) else {
        reader.refuse(ISSUER, issuer.to_owned(), wanted);
        return None;
    };
    let discovery_url = checked_address(reader, DISCOVERY_URL)
        .unwrap_or_else(|| format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')));
    let seconds = |reader: &mut Reader, name, default| {
        reader.number(
            name,
            default,
            |seconds| (1..=86_400).contains(seconds),
            "seconds from 1 to 86400",
        )
    };
    let (idle, absolute) = (seconds(reader, IDLE, 1_800), seconds(reader, ABSOLUTE, 28_800));
    let (check, unchecked) = (seconds(reader, CHECK, 60), seconds(reader, UNCHECKED, 900));
    let most = reader.number(
        MOST,
        1000,
        |count| (1..=100_000).contains(count),
        "a number from 1 to 100000",
    );
    let text = reader
        .text(PUBLIC_URL)
        .unwrap_or_else(|| "http://localhost:8080".to_owned());
    let public = PublicUrl::parse(&text);
    if public.is_none() {
        reader.refuse(
            PUBLIC_URL,
            text,
            "http:// or https://, a name and perhaps a port, and nothing more",
        );
    }
    Some(SignInSettings {
        issuer: name,
        discovery_url,
        client_id: reader.text(CLIENT_ID).unwrap_or_else(|| "qclock-dashboard".to_owned()),
        client_secret_file: reader
            .text(CLIENT_SECRET_FILE)
            .unwrap_or_else(|| "/run/secrets/identity_client_secret".to_owned())
            .into(),
        scopes: scopes(reader),
        roles: RoleRule {
            claim: reader.text(ROLES_CLAIM).unwrap_or_else(|| "roles".to_owned()),
            names: role_names(reader),
        },
        authorities: reader.text(AUTHORITIES).map(PathBuf::from),
        public: public?,
        limits: Limits {
            idle: Duration::from_secs(idle),
            absolute: Duration::from_secs(absolute),
            most,
            most_of_one: MOST_OF_ONE,
            check: Duration::from_secs(check),
            unchecked: Duration::from_secs(unchecked),
        },
    })
}

fn scopes(reader: &mut Reader) -> Vec<String> {
    let text = reader.text(SCOPES).unwrap_or_else(|| "profile".to_owned());
    let names = text
        .split([' ', ','])
        .filter(|name| !name.is_empty() && *name != "openid");
    names.take(20).map(str::to_owned).collect()
}

fn role_names(reader: &mut Reader) -> BTreeMap<String, Role> {
    let text = reader.text(ROLES_MAP).unwrap_or_default();
    let mut names = BTreeMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let read = pair
            .rsplit_once('=')
            .map(|(name, role)| (name.trim(), Role::from_name(role.trim())));
        match read {
            Some((name, Some(role))) if !name.is_empty() => drop(names.insert(name.to_owned(), role)),
            _ => reader.refuse(
                ROLES_MAP,
                pair.to_owned(),
                "name=role with commas between, a role being viewer, operator, auditor or admin",
            ),
        }
    }
    names
}

fn status(reader: &mut Reader, with_sign_in: bool) -> StatusAccess {
    match reader.text(STATUS_ACCESS).as_deref() {
        None | Some("public") => StatusAccess::Public,
        Some("private") if with_sign_in || !reader.faults.is_empty() => StatusAccess::Private,
        Some("private") => {
            reader.refuse(
                STATUS_ACCESS,
                "private".to_owned(),
                format!("public where nobody can sign in ({ISSUER} is not set)"),
            );
            StatusAccess::Private
        }
        Some(other) => {
            let other = other.to_owned();
            reader.refuse(STATUS_ACCESS, other, "public or private");
            StatusAccess::Private
        }
    }
}

fn service(reader: &mut Reader, sign_in: Option<&SignInSettings>) -> Option<IdentityService> {
    reader.unless_off(SERVICE_URL)?;
    let url = checked_address(reader, SERVICE_URL)?;
    Some(IdentityService {
        url: url.trim_end_matches('/').to_owned(),
        discovery_url: sign_in.map(|settings| settings.discovery_url.clone()),
        issuer: sign_in.map(|settings| settings.issuer.to_string()),
        authorities: sign_in.and_then(|settings| settings.authorities.clone()),
    })
}

fn database(reader: &mut Reader) -> Option<IdentityDatabase> {
    let host = reader.unless_off(DB_HOST)?;
    let server = Database {
        host,
        port: reader.number(DB_PORT, 5432, |port| *port > 0, "a port"),
        user: "qclock_monitor".to_owned(),
        password_file: reader
            .text(DB_PASSWORD_FILE)
            .unwrap_or_else(|| "/run/secrets/identity_db_monitor_password".to_owned())
            .into(),
    };
    let name = reader.text(DB_NAME).unwrap_or_else(|| "keycloak".to_owned());
    Some(IdentityDatabase { server, name })
}

/// A variable that must be an address where it is set.
fn checked_address(reader: &mut Reader, name: &'static str) -> Option<String> {
    let text = reader.text(name)?;
    if address(&text).is_none() {
        reader.refuse(name, text, "an http:// or https:// address");
        return None;
    }
    Some(text)
}

fn address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let usable =
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() && url.fragment().is_none();
    (usable && url.username().is_empty() && url.password().is_none()).then_some(url)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::configuration::{Configuration, Fault};

    fn read(variables: &[(&str, &str)]) -> Result<Identity, Vec<String>> {
        let variables = variables
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Configuration::from_environment(variables)
            .map(|configuration| configuration.identity)
            .map_err(|faults: Vec<Fault>| faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn without_a_provider_there_is_nothing() {
        for variables in [&[][..], &[(ISSUER, "off"), (SERVICE_URL, "off"), (DB_HOST, "off")][..]] {
            let identity = read(variables).unwrap();
            assert_eq!(
                (identity.sign_in, identity.service, identity.database),
                (None, None, None)
            );
            assert_eq!(identity.status, StatusAccess::Public);
        }
    }

    #[test]
    fn a_provider_needs_only_its_name() {
        let settings = read(&[(ISSUER, "https://login.example/realm/")])
            .unwrap()
            .sign_in
            .unwrap();
        assert_eq!(
            settings.discovery_url,
            "https://login.example/realm/.well-known/openid-configuration"
        );
        assert_eq!(settings.issuer.as_str(), "https://login.example/realm/");
        assert_eq!(
            (settings.public.origin(), settings.roles.claim.as_str()),
            ("http://localhost:8080", "roles")
        );
        assert_eq!(settings.limits.idle, Duration::from_secs(1800));
        assert_eq!(
            (settings.limits.check, settings.limits.unchecked),
            (Duration::from_secs(60), Duration::from_secs(900))
        );
    }

    #[test]
    fn all_faults_are_told() {
        let faults = read(&[
            (ISSUER, "login.example"),
            (STATUS_ACCESS, "secret"),
            (SERVICE_URL, "identity:8080"),
            ("QCLOCK_OIDC_CLIENTID", "x"),
        ]);
        insta::assert_snapshot!(faults.unwrap_err().join("\n"), @r"
        `QCLOCK_OIDC_ISSUER` is `login.example`, wanted the provider's exact name, such as http://localhost:8081/auth/realms/qclock, or off
        `QCLOCK_STATUS_ACCESS` is `secret`, wanted public or private
        `QCLOCK_IDENTITY_URL` is `identity:8080`, wanted an http:// or https:// address
        `QCLOCK_OIDC_CLIENTID` is not a setting of the dashboard, did you mean `QCLOCK_OIDC_CLIENT_ID`?
        ");
        let faults = read(&[
            (ISSUER, "https://a"),
            (ROLES_MAP, "noc=operator, x=root"),
            (PUBLIC_URL, "https://a/b"),
        ]);
        insta::assert_snapshot!(faults.unwrap_err().join("\n"), @r"
        `QCLOCK_PUBLIC_URL` is `https://a/b`, wanted http:// or https://, a name and perhaps a port, and nothing more
        `QCLOCK_OIDC_ROLES_MAP` is `x=root`, wanted name=role with commas between, a role being viewer, operator, auditor or admin
        ");
        assert_eq!(read(&[(STATUS_ACCESS, "private")]).unwrap_err().len(), 1);
    }
}
