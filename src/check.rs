//! The checks that there are, and the tier that each belongs to.

use serde::Serialize;

use crate::language::{Language, Text};

/// A check.  The order is the order in which a request passes what they watch.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Check {
    /// Apache, by its status listener.
    Apache,
    /// The pool of PHP workers, by FPM's status socket.
    PhpFpm,
    /// PHP itself, through the pool that serves the pages.
    Php,
    /// The critical extensions.
    PhpExtensions,
    /// The database from PHP, through PDO.
    PhpPdoMysql,
    /// The database from PHP, through MySQLi.
    PhpMysqli,
    /// The database, from the dashboard.
    Database,
    /// The identity provider.
    Identity,
    /// The identity provider's database.
    IdentityDb,
}

/// A stage on a request's way.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// What meets the browser.
    Web,
    /// What runs the application.
    App,
    /// What keeps the data, and the ways to it.
    Data,
    /// What people sign in by.
    Identity,
}

impl Check {
    /// All checks, in request order.
    pub const ALL: [Self; 9] = [
        Self::Apache,
        Self::PhpFpm,
        Self::Php,
        Self::PhpExtensions,
        Self::PhpPdoMysql,
        Self::PhpMysqli,
        Self::Database,
        Self::Identity,
        Self::IdentityDb,
    ];

    /// The identifier in the interfaces.
    pub fn id(self) -> &'static str {
        match self {
            Self::Apache => "apache",
            Self::PhpFpm => "php-fpm",
            Self::Php => "php",
            Self::PhpExtensions => "php-extensions",
            Self::PhpPdoMysql => "php-pdo-mysql",
            Self::PhpMysqli => "php-mysqli",
            Self::Database => "database",
            Self::Identity => "identity",
            Self::IdentityDb => "identity-db",
        }
    }

    /// The check of this identifier.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.id() == id)
    }

    /// Its place in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Where it belongs.
    pub fn tier(self) -> Tier {
        match self {
            Self::Apache => Tier::Web,
            Self::PhpFpm | Self::Php | Self::PhpExtensions => Tier::App,
            Self::PhpPdoMysql | Self::PhpMysqli | Self::Database => Tier::Data,
            Self::Identity | Self::IdentityDb => Tier::Identity,
        }
    }

    /// The name on the page.
    pub fn label(self) -> Text {
        match self {
            Self::Apache => Text::same("Apache"),
            Self::PhpFpm => Text::same("PHP-FPM"),
            Self::Php => Text::same("PHP"),
            Self::PhpExtensions => Text::new("PHP extensions", "Extensions PHP"),
            Self::PhpPdoMysql => Text::new("PHP → database (PDO)", "PHP → base (PDO)"),
            Self::PhpMysqli => Text::new("PHP → database (MySQLi)", "PHP → base (MySQLi)"),
            Self::Database => Text::new("Database", "Base de données"),
            Self::Identity => Text::new("Identity provider", "Fournisseur d'identité"),
            Self::IdentityDb => Text::new("Identity database", "Base des identités"),
        }
    }
}

impl Tier {
    /// All tiers, in request order.
    pub const ALL: [Self; 4] = [Self::Web, Self::App, Self::Data, Self::Identity];

    /// The identifier in the interfaces.
    pub fn id(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::App => "app",
            Self::Data => "data",
            Self::Identity => "identity",
        }
    }

    /// The name on the page.
    pub fn label(self, language: Language) -> &'static str {
        match self {
            Self::Web => "Web",
            Self::App => "Application",
            Self::Data => language.pick("Data", "Données"),
            Self::Identity => language.pick("Identity", "Identité"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_lead_back_to_their_check() {
        for (index, check) in Check::ALL.into_iter().enumerate() {
            assert_eq!((Check::from_id(check.id()), check.index()), (Some(check), index));
        }
        assert_eq!(Check::from_id("mail"), None);
        assert!(Check::ALL.is_sorted_by_key(|check| check.tier()));
    }
}
