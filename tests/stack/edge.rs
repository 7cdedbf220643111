//! What Apache passes on to the identity provider, and what it keeps from it.

use std::time::Duration;

use anyhow::{Result, ensure};
use qclock_testkit::client;
use qclock_testkit::stack::Stack;

const PATIENCE: Duration = Duration::from_secs(10);

/// The paths that Keycloak serves beside sign-in, in every spelling that might get past a comparison.
const NOT_FOUND: [&str; 16] = [
    "/auth/health",
    "/auth/health/ready",
    "/auth/metrics",
    "/auth//health",
    "//auth/health",
    "/auth/./health",
    "/auth/realms/../health",
    "/auth/realms/%2e%2e/health",
    "/auth/realms/%2e%2e%2fhealth",
    "/auth/realms/..;/health",
    "/auth/realms/..%3b/health",
    "/auth/realms/..%5Chealth",
    "/auth/realmsx/",
    "/auth/healthz",
    "/metrics",
    "/server-status",
];

pub(crate) fn of_sign_in(stack: &Stack) -> Result<()> {
    for path in NOT_FOUND {
        let status = client::get(&stack.identity_url(path), PATIENCE)?.status;
        ensure!(matches!(status, 400 | 404), "{path} answered {status}");
    }
    // Either it answers, or a page says that it does not.
    let page = client::get(&stack.identity_url("/auth/"), PATIENCE)?;
    ensure!(
        page.status == 200 || (page.status == 503 && page.body.contains("connexion est indisponible")),
        "/auth/ answered {}",
        page.status
    );
    let root = client::get(&stack.identity_url("/"), PATIENCE)?;
    let target = root.header("location").unwrap_or_default();
    ensure!(
        root.status == 302 && target == format!("http://localhost:{}/auth/", stack.identity_port),
        "/ answered {} {target}",
        root.status
    );
    Ok(())
}
