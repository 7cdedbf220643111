//! Signing in by an OpenID Connect provider: who somebody is, for how long that holds, and what they may see.
//!
//! In reading order: roles and tokens as pure functions, what is remembered, the provider, and what is written down.  The dashboard asks
//! the provider when somebody signs in or out, and now and then whether it stands by a session that is used; when the provider is away a
//! session goes on, after a while for viewing only.

pub mod claims;
pub mod keys;
pub mod logout_token;
pub mod metadata;
pub mod role;
pub mod token;

pub mod callback;
pub mod local_path;
pub mod pending;
pub mod random;
pub mod session;
pub mod standing;
pub mod throttle;

pub mod confirmation;
pub mod provider;
pub mod settings;

pub mod audit;
pub mod keycloak;
pub mod version;

use std::sync::Arc;

use crate::log::Log;
use crate::sign_in::audit::Trail;
use crate::sign_in::keycloak::EventSource;
use crate::sign_in::logout_token::Replays;
use crate::sign_in::pending::PendingSignIns;
use crate::sign_in::provider::Provider;
use crate::sign_in::session::Sessions;
use crate::sign_in::settings::SignInSettings;
use crate::sign_in::throttle::Throttle;

/// Everything that signing in needs.
#[derive(Debug)]
pub struct SignIn {
    /// What was configured.
    pub settings: SignInSettings,
    /// Who decides.
    pub provider: Arc<Provider>,
    /// Who is signed in.
    pub sessions: Sessions,
    /// Who is about to be.
    pub pending: PendingSignIns,
    /// How often one client may begin.
    pub throttle: Throttle,
    /// Logout tokens that were used.
    pub replays: Replays,
    /// What happened.
    pub trail: Trail,
    /// What the provider says happened there, where it can be asked.
    pub events: Arc<dyn EventSource>,
}

impl SignIn {
    /// Nobody is signed in.
    pub fn new(settings: SignInSettings, provider: Provider, log: Log) -> Self {
        let provider = Arc::new(provider);
        Self {
            sessions: Sessions::new(settings.limits),
            pending: PendingSignIns::default(),
            throttle: Throttle::default(),
            replays: Replays::default(),
            trail: Trail::new(log),
            events: Arc::new(keycloak::Keycloak::new(Arc::clone(&provider))),
            provider,
            settings,
        }
    }
}
