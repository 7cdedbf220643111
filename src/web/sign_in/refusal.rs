//! Why somebody is not signed in, as a page that says so plainly and as a word for the log.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use crate::language::Text;
use crate::sign_in::callback::CallbackError;
use crate::sign_in::confirmation::NOT_CONFIRMED;
use crate::sign_in::provider::ProviderError;
use crate::web::account::Account;
use crate::web::preferences::Preferences;
use crate::web::surround::{Surround, respond};

/// Why not.
#[derive(Debug)]
pub enum Refusal {
    /// Too often.
    TooMany,
    /// The provider did not help.
    Provider(ProviderError),
    /// What came back is not an answer, or not the provider's.
    Callback(CallbackError),
    /// Nobody here has begun this, or it is done already.
    UnknownState,
    /// Another browser has.
    OtherBrowser,
    /// The provider says no; this is its word.
    Declined(String),
    /// The provider no longer stands by the session.
    Disowned,
    /// The session has ended while a page of it was open.
    Ended,
    /// The machine has no random numbers.
    NoChance,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    around: Surround<'a>,
    title: &'a str,
    explanation: &'a str,
    advice: &'a str,
    reason: &'a str,
}

impl Refusal {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Provider(error) if error.is_outage() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Provider(ProviderError::Token(_) | ProviderError::Code(_)) => StatusCode::FORBIDDEN,
            Self::Provider(_) => StatusCode::BAD_GATEWAY,
            Self::Callback(_) | Self::UnknownState | Self::OtherBrowser => StatusCode::BAD_REQUEST,
            Self::Declined(word) if word == "temporarily_unavailable" || word == "server_error" => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Declined(_) => StatusCode::FORBIDDEN,
            Self::Disowned | Self::Ended => StatusCode::UNAUTHORIZED,
            Self::NoChance => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// A word for the log.
    pub fn reason(&self) -> String {
        match self {
            Self::TooMany => "too-many".to_owned(),
            Self::Provider(error) => error.code().to_owned(),
            Self::Callback(error) => error.code().to_owned(),
            Self::UnknownState => "unknown-state".to_owned(),
            Self::OtherBrowser => "other-browser".to_owned(),
            Self::Declined(word) => format!("provider says {word}"),
            Self::Disowned => NOT_CONFIRMED.to_owned(),
            Self::Ended => "session-ended".to_owned(),
            Self::NoChance => "no-random-numbers".to_owned(),
        }
    }

    /// The page.
    pub fn page(&self, preferences: &Preferences) -> Response {
        let [title, explanation, advice] = self.words();
        let language = preferences.language;
        let page = SignInPage {
            around: Surround::new(preferences, None, "/"),
            title: title.get(language),
            explanation: explanation.get(language),
            advice: advice.get(language),
            reason: &self.reason(),
        };
        let mut response = respond(&page, preferences);
        *response.status_mut() = self.status();
        response
    }

    /// What happened, why, and what to do.
    fn words(&self) -> [Text; 3] {
        let retry = || Text::new("Begin again.", "Recommencez.");
        match self {
            Self::TooMany => [
                Text::new("Too many attempts", "Trop de tentatives"),
                Text::new(
                    "Signing in was begun too often from your address.",
                    "La connexion a été commencée trop souvent depuis votre adresse.",
                ),
                Text::new(
                    "Wait a minute, then begin again.",
                    "Attendez une minute, puis recommencez.",
                ),
            ],
            Self::Provider(error) => provider_words(error),
            Self::Callback(_) | Self::UnknownState | Self::OtherBrowser => [
                Text::new("This sign-in is not known", "Cette connexion n'est pas connue"),
                Text::new(
                    "It was finished already, took too long, or was begun in another browser.",
                    "Elle est déjà terminée, a duré trop longtemps, ou a été commencée dans un autre navigateur.",
                ),
                retry(),
            ],
            Self::Declined(_) if self.status() == StatusCode::SERVICE_UNAVAILABLE => [
                Text::new(
                    "Signing in is not possible at the moment",
                    "Connexion impossible pour le moment",
                ),
                Text::new(
                    "The identity provider has a problem.",
                    "Le fournisseur d'identité a un problème.",
                ),
                Text::new("Try again in a moment.", "Réessayez dans un instant."),
            ],
            Self::Declined(_) => [
                Text::new("The sign-in was declined", "Connexion déclinée"),
                Text::new(
                    "The identity provider did not let you in.",
                    "Le fournisseur d'identité ne vous a pas laissé entrer.",
                ),
                retry(),
            ],
            Self::Disowned => [
                Text::new("You have been signed out", "Vous avez été déconnecté"),
                Text::new(
                    "The identity provider no longer confirms your session: it ended there, or your account was changed.",
                    "Le fournisseur d'identité ne confirme plus votre session : elle y est terminée, ou votre compte a été modifié.",
                ),
                Text::new(
                    "Sign in again; if that is not possible, ask your administrator.",
                    "Reconnectez-vous ; si c'est impossible, adressez-vous à votre administrateur.",
                ),
            ],
            Self::Ended => [
                Text::new("You have been signed out", "Vous avez été déconnecté"),
                Text::new(
                    "Nobody used this page for a while, or the session was ended elsewhere.",
                    "Personne n'a utilisé cette page depuis un moment, ou la session a été terminée ailleurs.",
                ),
                Text::new("Sign in again to go on.", "Reconnectez-vous pour continuer."),
            ],
            Self::NoChance => [
                Text::new("Signing in is not possible", "Connexion impossible"),
                Text::new(
                    "The machine gives no random numbers.",
                    "La machine ne fournit pas de nombres aléatoires.",
                ),
                Text::new("Tell your administrator.", "Prévenez votre administrateur."),
            ],
        }
    }
}

fn provider_words(error: &ProviderError) -> [Text; 3] {
    match error {
        _ if error.is_outage() => [
            Text::new(
                "Signing in is not possible at the moment",
                "Connexion impossible pour le moment",
            ),
            Text::new(
                "The identity provider does not answer.",
                "Le fournisseur d'identité ne répond pas.",
            ),
            Text::new(
                "Whoever is signed in stays so, and the status goes on. Try again in a moment.",
                "Les sessions ouvertes continuent et la supervision aussi. Réessayez dans un instant.",
            ),
        ],
        ProviderError::Token(_) | ProviderError::Code(_) => [
            Text::new("The sign-in was refused", "Connexion refusée"),
            Text::new(
                "What the identity provider sent does not belong to this sign-in, or cannot be believed.",
                "Ce que le fournisseur d'identité a envoyé n'appartient pas à cette connexion, ou n'est pas crédible.",
            ),
            Text::new(
                "Begin again; if it happens again, tell your administrator.",
                "Recommencez ; si cela se répète, prévenez votre administrateur.",
            ),
        ],
        _ => [
            Text::new("Signing in is not possible", "Connexion impossible"),
            Text::new(
                "The identity provider answers, but not as it should: its configuration or the dashboard's is wrong.",
                "Le fournisseur d'identité répond, mais pas comme il le devrait : sa configuration ou celle du tableau de bord est fausse.",
            ),
            Text::new(
                "Tell your administrator the reason below.",
                "Communiquez le motif ci-dessous à votre administrateur.",
            ),
        ],
    }
}
