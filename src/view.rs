//! What the page shows, in one language, as plain text: the same for the server's template, the event stream and the page's script.

use std::fmt::Write;

use serde::Serialize;

use crate::board::{Seen, Snapshot};
use crate::check::Tier;
use crate::clock::{rfc3339, time_of_day};
use crate::language::Language;
use crate::state::State;

/// The size of a latency curve, in its own units.
const CURVE: (f64, f64) = (120.0, 24.0);

/// The page's contents.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// The server's time.
    pub generated_at: String,
    /// The state of the whole.
    pub state: &'static str,
    /// The same for people: `All operational`, `1 down · 2 degraded`.
    pub verdict: String,
    /// Since when.
    pub since: Option<Time>,
    /// What is not operational, the worst first.
    pub exceptions: Vec<Exception>,
    /// All checks, in request order.
    pub tiles: Vec<Tile>,
    /// The last changes of state, newest first.
    pub changes: Vec<Change>,
}

/// A time for the page and for its script.
#[derive(Clone, Debug, Serialize)]
pub struct Time {
    /// RFC 3339.
    pub at: String,
    /// `14:03:22`.
    pub clock: String,
    /// How long ago that was when the view was made.
    pub ago: String,
}

/// A check that is not operational.
#[derive(Clone, Debug, Serialize)]
pub struct Exception {
    /// The check.
    pub id: &'static str,
    /// Its state.
    pub state: &'static str,
    /// Its state for people.
    pub word: String,
    /// Its name.
    pub label: String,
    /// Why.
    pub summary: String,
    /// Since when.
    pub since: Time,
}

/// A check.
#[derive(Clone, Debug, Serialize)]
pub struct Tile {
    /// The check.
    pub id: &'static str,
    /// Where it belongs.
    pub tier: &'static str,
    /// Its name.
    pub label: String,
    /// Its state, as far as it can be believed.
    pub state: &'static str,
    /// The same for people.
    pub word: String,
    /// Why.
    pub summary: String,
    /// Since when.
    pub since: Time,
    /// When it was last looked at.
    pub checked: Option<Time>,
    /// The last answer's latency.
    pub latency: Option<String>,
    /// The last latencies as the `d` of an SVG path; empty when there are none.
    pub curve: String,
    /// What to know beside.
    pub facts: Vec<(String, String)>,
    /// What it consists of.
    pub parts: Vec<Piece>,
}

/// A part of a check.
#[derive(Clone, Debug, Serialize)]
pub struct Piece {
    /// Its name.
    pub name: String,
    /// What is wrong with it.
    pub note: &'static str,
    /// Whether it is as it should be.
    pub good: bool,
}

/// A change of state.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// When.
    pub at: Time,
    /// The check's name.
    pub label: String,
    /// The new state.
    pub state: &'static str,
    /// The same for people.
    pub word: &'static str,
    /// Why.
    pub summary: String,
}

impl View {
    /// The view of a snapshot.
    pub fn new(snapshot: &Snapshot, language: Language) -> Self {
        let state = snapshot.state();
        let time = |at| Time::new(at, snapshot, language);
        let changes = snapshot.transitions.iter().map(|(check, transition)| Change {
            at: time(transition.at),
            label: check.label().get(language).to_owned(),
            state: transition.to.key(),
            word: transition.to.word(language),
            summary: transition.summary.get(language).to_owned(),
        });
        Self {
            generated_at: rfc3339(snapshot.at),
            state: state.key(),
            verdict: verdict(snapshot, language),
            since: snapshot.since().map(time),
            exceptions: exceptions(snapshot, language),
            tiles: snapshot
                .checks
                .iter()
                .map(|seen| Tile::new(seen, snapshot, language))
                .collect(),
            changes: changes.collect(),
        }
    }

    /// The tiles of a tier.
    pub fn tiles_of<'a>(&'a self, tier: &'a Tier) -> impl Iterator<Item = &'a Tile> {
        self.tiles.iter().filter(|tile| tile.tier == tier.id())
    }
}

impl Time {
    fn new(at: jiff::Timestamp, snapshot: &Snapshot, language: Language) -> Self {
        let ago = language.duration(crate::clock::seconds_between(at, snapshot.at));
        Self {
            at: rfc3339(at),
            clock: time_of_day(at),
            ago,
        }
    }
}

impl Tile {
    fn new(seen: &Seen, snapshot: &Snapshot, language: Language) -> Self {
        let current = &seen.current;
        let observation = &current.observation;
        let text = |text: &crate::language::Text| text.get(language).to_owned();
        let parts = observation.parts.iter().map(|part| Piece {
            name: part.name.clone(),
            note: note(&part.note, language),
            good: part.good,
        });
        Self {
            id: seen.check.id(),
            tier: seen.check.tier().id(),
            label: text(&seen.check.label()),
            state: seen.believed().key(),
            word: word(seen, language),
            summary: text(&Snapshot::summary(seen)),
            since: Time::new(current.since, snapshot, language),
            checked: current.checked_at.map(|at| Time::new(at, snapshot, language)),
            latency: observation
                .latency
                .map(|latency| language.latency(latency.as_secs_f64() * 1000.0)),
            curve: curve(current.latencies.iter().copied()),
            facts: observation
                .facts
                .iter()
                .map(|fact| (text(&fact.label), text(&fact.value)))
                .chain(crate::support::fact(seen, snapshot.at, language))
                .collect(),
            parts: parts.collect(),
        }
    }
}

fn word(seen: &Seen, language: Language) -> String {
    let word = seen.believed().word(language);
    if seen.stale {
        format!("{word} · {}", language.pick("stale", "périmé"))
    } else {
        word.to_owned()
    }
}

fn note(note: &str, language: Language) -> &'static str {
    match note {
        "missing" => language.pick("missing", "manquante"),
        "failing" => language.pick("failing", "en échec"),
        _ => "",
    }
}

fn verdict(snapshot: &Snapshot, language: Language) -> String {
    if snapshot.state() == State::Operational {
        return language.pick("All operational", "Tout est opérationnel").to_owned();
    }
    let count = |state: State| snapshot.checks.iter().filter(|seen| seen.believed() == state).count();
    let counted = State::ALL
        .into_iter()
        .rev()
        .filter(|state| *state != State::Operational && count(*state) > 0);
    counted
        .map(|state| state.counted(count(state), language))
        .collect::<Vec<_>>()
        .join(" · ")
}

fn exceptions(snapshot: &Snapshot, language: Language) -> Vec<Exception> {
    let mut seen: Vec<&Seen> = snapshot
        .checks
        .iter()
        .filter(|seen| seen.believed() != State::Operational)
        .collect();
    seen.sort_by_key(|seen| (std::cmp::Reverse(seen.believed()), seen.current.since));
    let exception = |seen: &&Seen| Exception {
        id: seen.check.id(),
        state: seen.believed().key(),
        word: word(seen, language),
        label: seen.check.label().get(language).to_owned(),
        summary: Snapshot::summary(seen).get(language).to_owned(),
        since: Time::new(seen.current.since, snapshot, language),
    };
    seen.iter().map(exception).collect()
}

/// A line through the latencies, scaled to the highest; it breaks where there was no answer.
fn curve(latencies: impl ExactSizeIterator<Item = Option<f64>> + Clone) -> String {
    let highest = latencies.clone().flatten().fold(0.0, f64::max);
    if highest <= 0.0 {
        return String::new();
    }
    let (width, height) = CURVE;
    let step = width / 59.0;
    let first = width - step * (latencies.len().saturating_sub(1)) as f64;
    let mut path = String::new();
    let mut pen_down = false;
    for (index, latency) in latencies.enumerate() {
        let Some(latency) = latency else {
            pen_down = false;
            continue;
        };
        let x = first + step * index as f64;
        let y = height - 1.0 - (latency / highest) * (height - 3.0);
        let _ = write!(path, "{}{x:.1} {y:.1}", if pen_down { 'L' } else { 'M' });
        // A lone point needs a line of some length to be seen.
        if !pen_down {
            path.push_str("h0.1");
        }
        pen_down = true;
    }
    path
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::board::Board;
    use crate::check::Check;
    use crate::clock::Moment;
    use crate::language::Text;
    use crate::observation::Observation;

    fn view(language: Language, faults: &[(Check, State)]) -> View {
        let at = Moment {
            wall: "2026-11-22T10:00:00Z".parse().unwrap(),
            steady: Instant::now(),
        };
        let board = Board::new(at, Duration::from_secs(10), Check::ALL.into(), &BTreeSet::new());
        for check in Check::ALL {
            let state = faults
                .iter()
                .find(|(faulty, _)| *faulty == check)
                .map_or(State::Operational, |(_, state)| *state);
            board.observe(check, at, Observation::bare(state, Text::new("why", "pourquoi")));
        }
        View::new(&board.snapshot(at), language)
    }

    #[test]
    fn all_is_well_in_both_languages() {
        assert_eq!(view(Language::En, &[]).verdict, "All operational");
        let view = view(Language::Fr, &[]);
        assert_eq!(
            (view.verdict.as_str(), view.exceptions.len(), view.tiles.len()),
            ("Tout est opérationnel", 0, 9)
        );
    }

    #[test]
    fn the_verdict_counts_and_the_worst_comes_first() {
        let faults = [
            (Check::Apache, State::Degraded),
            (Check::Php, State::Unknown),
            (Check::Database, State::Down),
        ];
        let view = view(Language::Fr, &faults);
        assert_eq!(
            view.verdict.replace('\u{a0}', " "),
            "1 en panne · 1 inconnu · 1 dégradé"
        );
        let order: Vec<&str> = view.exceptions.iter().map(|exception| exception.id).collect();
        assert_eq!(order, ["database", "php", "apache"]);
    }

    #[test]
    fn a_curve_breaks_where_there_was_no_answer() {
        assert_eq!(curve([].into_iter()), "");
        assert_eq!(curve([None, None].into_iter()), "");
        let path = curve([Some(1.0), Some(2.0), None, Some(2.0)].into_iter());
        assert_eq!(path.matches('M').count(), 2);
        assert!(path.ends_with("M120.0 2.0h0.1"), "{path}");
    }
}
