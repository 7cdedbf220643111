//! Style, script and icon: in the binary, found by a name that holds their contents' hash, kept by browsers for as long as they like.

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::web::errors::{Fault, fault};
use crate::web::preferences::Preferences;

const FOREVER: &str = "public, max-age=31536000, immutable";

/// A file of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Asset {
    /// The compiled style sheet.
    Style,
    /// The page's script.
    Script,
    /// The icon.
    Icon,
}

impl Asset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Style, Self::Script, Self::Icon];

    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Style => include_bytes!("../assets/dashboard.min.css"),
            Self::Script => include_bytes!("../assets/dashboard.js"),
            Self::Icon => include_bytes!("../assets/icon.svg"),
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Style => "text/css; charset=utf-8",
            Self::Script => "text/javascript; charset=utf-8",
            Self::Icon => "image/svg+xml",
        }
    }

    fn name(self) -> String {
        let hash = hash(self.bytes());
        match self {
            Self::Style => format!("dashboard.{hash:016x}.css"),
            Self::Script => format!("dashboard.{hash:016x}.js"),
            Self::Icon => format!("icon.{hash:016x}.svg"),
        }
    }
}

/// The address of a file.
pub fn path(asset: Asset) -> String {
    format!("/qclock/assets/{}", asset.name())
}

/// Serves a file by its exact name; there is no file system behind it.
pub async fn serve(Path(name): Path<String>, headers: HeaderMap, preferences: Preferences) -> Response {
    let Some(asset) = Asset::ALL.into_iter().find(|asset| asset.name() == name) else {
        return fault(Fault::NotFound, &preferences);
    };
    let tag = format!("\"{:016x}\"", hash(asset.bytes()));
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)) {
        return (
            StatusCode::NOT_MODIFIED,
            [(ETAG, tag.as_str()), (CACHE_CONTROL, FOREVER)],
        )
            .into_response();
    }
    (
        [
            (CONTENT_TYPE, asset.media_type()),
            (ETAG, tag.as_str()),
            (CACHE_CONTROL, FOREVER),
        ],
        asset.bytes(),
    )
        .into_response()
}

/// FNV-1a, 64 bits: to tell one version from the next, not to withstand anybody.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
