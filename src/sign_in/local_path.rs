//! Where to return after signing in: a page of the dashboard, never anywhere else.

/// The longest address that is kept, in bytes.
const LONGEST: usize = 512;
/// The pages that one can return to.
const PAGES: [&str; 3] = ["/", "/qclock/account", "/qclock/audit"];

/// A page of ours, perhaps with a query.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LocalPath(String);

impl LocalPath {
    /// The page that this text leads to; the start page for anything else.
    pub fn parse(text: &str) -> Self {
        let (page, query) = text.split_once('?').unwrap_or((text, ""));
        let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"=&-_.%+".contains(&byte);
        let fits = text.len() <= LONGEST && PAGES.contains(&page) && query.bytes().all(harmless);
        Self(if fits { text.to_owned() } else { "/".to_owned() })
    }

    /// As it stands in a header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_ours_are_kept() {
        for path in ["/", "/qclock/audit", "/qclock/audit?page=2&of=provider", "/?lang=fr"] {
            assert_eq!(LocalPath::parse(path).as_str(), path);
        }
    }

    #[test]
    fn everything_else_leads_to_the_start_page() {
        for text in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "/qclock/sign-out",
            "/qclock/sign-in?return=/",
            "evil",
            "/ /",
            "/\t/evil.example",
            "/?x=\r\nSet-Cookie:a=b",
            "/qclock/audit/../../x",
            "/?next=//evil",
            "/%2f%2fevil.example",
            "javascript:alert(1)",
            "/qclock/audit#x",
            "\u{ff0f}evil",
        ] {
            assert_eq!(LocalPath::parse(text).as_str(), "/", "{text}");
        }
        assert_eq!(LocalPath::parse(&format!("/?{}", "a".repeat(LONGEST))).as_str(), "/");
    }
}
