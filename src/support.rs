//! Until when what was found running is supported: by the version that each service tells of itself, and by the image's flavour.

use jiff::Timestamp;
use qclock_support::{Package, State, Support, supports_at};

use crate::board::Seen;
use crate::check::Check;
use crate::language::{Language, Text};
use crate::record::ImageRecord;

/// What the table says of the version that a check has found.
pub fn of_check(seen: &Seen, now: Timestamp) -> Option<Support> {
    let details = &seen.current.observation.details;
    let told = details["version"].as_str()?;
    let (name, version) = match seen.check {
        Check::Apache => ("httpd", told.strip_prefix("Apache/")?),
        Check::Php => ("php-common", told),
        Check::Database if told.to_ascii_lowercase().contains("mariadb") => ("mariadb-server", told),
        Check::Database => ("mysql-server", told),
        Check::Identity => ("keycloak", told),
        Check::IdentityDb => ("postgresql-server", told.split(' ').next()?),
        _ => return None,
    };
    supports_at("", &[Package { name, version }], now)
        .ok()?
        .into_iter()
        .next()
}

/// What it says of the distribution that the image is made of.
pub fn of_image(record: &ImageRecord, now: Timestamp) -> Option<Support> {
    supports_at(&record.flavour, &[], now).ok()?.into_iter().next()
}

/// `until 2026-12-31 · 36 days left`.
pub fn words(support: &Support) -> Text {
    match (&support.end, support.days_left) {
        (Some(end), Some(days)) if days < 0 => Text::new(
            format!("ended on {end}, {} d ago", -days),
            format!("terminé le {end}, il y a {} j", -days),
        ),
        (Some(end), Some(days)) => Text::new(
            format!("until {end} · {days} d left"),
            format!("jusqu'au {end} · reste {days} j"),
        ),
        _ => Text::new("no end announced".to_owned(), "aucune fin annoncée".to_owned()),
    }
}

/// The label and the words for a tile.
pub fn fact(seen: &Seen, now: Timestamp, language: Language) -> Option<(String, String)> {
    let support = of_check(seen, now)?;
    let label = match support.state {
        State::Ended => language.pick("Support ended", "Fin de support dépassée"),
        State::Near | State::Supported | State::Open => language.pick("Support", "Support"),
    };
    let words = words(&support).get(language).to_owned();
    Some((
        label.to_owned(),
        format!("{} {} {words}", support.product, support.line),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_both_languages() {
        let php = Package {
            name: "php-common",
            version: "8.2.29",
        };
        let at = |text: &str| supports_at("", &[php], text.parse().unwrap()).unwrap().remove(0);
        let last = words(&at("2026-12-31T23:59:59Z"));
        assert_eq!(last.get(Language::En), "until 2026-12-31 · 0 d left");
        let after = words(&at("2027-01-02T00:00:00Z"));
        assert_eq!(after.get(Language::Fr), "terminé le 2026-12-31, il y a 2 j");
    }
}
