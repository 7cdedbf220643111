//! What a reader wants: language and theme, from the address, else from a cookie, else from the browser.

use axum::extract::{FromRequestParts, Request};
use axum::http::header::{ACCEPT_LANGUAGE, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};

use crate::language::Language;
use crate::web::account::Account;
use crate::web::cookies::read as cookie;

const LANGUAGE_COOKIE: &str = "qclock_lang";
const THEME_COOKIE: &str = "qclock_theme";
/// A year.
const LASTS: &str = "Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly";

/// Light or dark.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Theme {
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// `light` or `dark`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        [Self::Light, Self::Dark].into_iter().find(|theme| theme.code() == code)
    }
}

/// What a reader wants, and who that is.
#[derive(Clone, Debug)]
pub struct Preferences {
    /// The language.
    pub language: Language,
    /// The theme; where nothing was said, the browser's.
    pub theme: Option<Theme>,
    /// Who it is.
    pub account: Account,
    chosen_language: Option<Language>,
    chosen_theme: Option<Theme>,
}

impl Preferences {
    /// Reads the request.
    pub fn read(uri: &Uri, headers: &HeaderMap) -> Self {
        let chosen_language = query(uri, "lang").and_then(Language::from_code);
        let chosen_theme = query(uri, "theme").and_then(Theme::from_code);
        let accepted = || {
            headers
                .get(ACCEPT_LANGUAGE)
                .and_then(|value| value.to_str().ok())
                .and_then(Language::from_accept_language)
        };
        let kept = || cookie(headers, LANGUAGE_COOKIE).and_then(Language::from_code);
        Self {
            language: chosen_language.or_else(kept).or_else(accepted).unwrap_or_default(),
            theme: chosen_theme.or_else(|| cookie(headers, THEME_COOKIE).and_then(Theme::from_code)),
            account: Account::default(),
            chosen_language,
            chosen_theme,
        }
    }

    /// Reads a request that the guard has seen.
    pub fn of(request: &Request) -> Self {
        let account = request.extensions().get::<Account>().cloned().unwrap_or_default();
        Self {
            account,
            ..Self::read(request.uri(), request.headers())
        }
    }

    /// The cookies that keep what was chosen by the address.
    pub fn cookies(&self) -> Vec<HeaderValue> {
        let language = self
            .chosen_language
            .map(|language| format!("{LANGUAGE_COOKIE}={}; {LASTS}", language.code()));
        let theme = self
            .chosen_theme
            .map(|theme| format!("{THEME_COOKIE}={}; {LASTS}", theme.code()));
        [language, theme]
            .into_iter()
            .flatten()
            .filter_map(|cookie| HeaderValue::from_str(&cookie).ok())
            .collect()
    }
}

impl<S: Sync> FromRequestParts<S> for Preferences {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let account = parts.extensions.get::<Account>().cloned().unwrap_or_default();
        Ok(Self {
            account,
            ..Self::read(&parts.uri, &parts.headers)
        })
    }
}

fn query<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .next_back()
}

#[cfg(test)]
mod tests {
    use axum::http::header::COOKIE;

    use super::*;

    fn read(uri: &str, cookie: &str, accept: &str) -> Preferences {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(cookie).unwrap());
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(accept).unwrap());
        Preferences::read(&uri.parse().unwrap(), &headers)
    }

    #[test]
    fn the_address_goes_before_the_cookie_and_the_cookie_before_the_browser() {
        assert_eq!(read("/", "", "fr").language, Language::Fr);
        assert_eq!(read("/", "a=b; qclock_lang=en", "fr").language, Language::En);
        let preferences = read("/?theme=light&lang=fr", "qclock_lang=en; qclock_theme=dark", "en");
        assert_eq!(
            (preferences.language, preferences.theme),
            (Language::Fr, Some(Theme::Light))
        );
        assert_eq!(preferences.cookies().len(), 2);
    }

    #[test]
    fn nonsense_chooses_nothing() {
        let preferences = read("/?lang=%3Cscript%3E&theme", "qclock_theme=pink; ;=", "zz");
        assert_eq!((preferences.language, preferences.theme), (Language::En, None));
        assert!(preferences.cookies().is_empty());
    }
}
