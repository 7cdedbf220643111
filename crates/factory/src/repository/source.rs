//! Which repositories: `ID=URL-or-folder`.

use std::path::{Path, PathBuf};

use super::RepositoryError;
use crate::mirror::Url;

/// A repository to ask, by the name that messages and answers call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub name: String,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Holds `repodata/`.
    Folder(PathBuf),
    /// What is below is `repodata/repomd.xml`.
    Address(Url),
}

impl Source {
    /// Reads `ID=URL-or-folder`.
    pub fn parse(text: &str) -> Result<Self, RepositoryError> {
        let malformed = |reason| RepositoryError::Source {
            text: text.to_owned(),
            reason,
        };
        let (name, place) = text.split_once('=').ok_or_else(|| malformed("it has no `=`"))?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        if name.is_empty() || !name.chars().all(is_word) {
            return Err(malformed(
                "the name before the `=` is not one word of letters, digits and `-_.:`",
            ));
        }
        if place.is_empty() {
            return Err(malformed("there is nothing after the `=`"));
        }
        let place = if place.contains("://") {
            let mut url = Url::parse(place).map_err(|_| malformed("the address cannot be read"))?;
            match url.scheme() {
                "file" => Place::Folder(
                    url.to_file_path()
                        .map_err(|()| malformed("the file address has no path"))?,
                ),
                "http" | "https" => {
                    if !url.path().ends_with('/') {
                        let path = format!("{}/", url.path());
                        url.set_path(&path);
                    }
                    Place::Address(url)
                }
                _ => return Err(malformed("the address is neither http, https nor file")),
            }
        } else {
            Place::Folder(PathBuf::from(place))
        };
        Ok(Self {
            name: name.to_owned(),
            place,
        })
    }
}

/// A path below a repository, as its metadata writes it; one that leads elsewhere is refused.
pub(crate) fn is_inside(location: &str) -> bool {
    let path = Path::new(location);
    !location.is_empty()
        && path
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir))
        && !location.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_folders_or_addresses() {
        let place = |text: &str| Source::parse(text).map(|source| source.place).ok();
        assert_eq!(place("a=/srv/repo"), Some(Place::Folder(PathBuf::from("/srv/repo"))));
        assert_eq!(place("a=repo"), Some(Place::Folder(PathBuf::from("repo"))));
        assert_eq!(
            place("a=file:///srv/repo"),
            Some(Place::Folder(PathBuf::from("/srv/repo")))
        );
        assert!(matches!(place("a=https://host/x"), Some(Place::Address(url)) if url.path() == "/x/"));
        for text in ["repo", "=x", "a=", "a b=x", "a=ftp://x/", "a=http://"] {
            assert_eq!(place(text), None, "{text}");
        }
    }

    #[test]
    fn locations_stay_inside() {
        assert!(is_inside("repodata/x.xml"));
        for location in ["/etc/passwd", "../x", "a/../../x", "", "http://other/x"] {
            assert!(!is_inside(location), "{location}");
        }
    }
}
