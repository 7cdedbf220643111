//! The search: unit propagation with two watched literals, learning from conflicts, and decisions in libsolv's order, so that the
//! answer is the one that dnf gives.

mod fulfilment;
mod learn;
mod minimize;
mod weak;
mod wishes;

use super::policy::Mode;
use super::pool::{Pool, SYSTEM, Solvable};
use super::rules::Rule;

/// A rule by its place.
pub(super) type RuleId = u32;

/// Rounds of decisions after which a search is given up; real ones need a few hundred.
const MOST_ROUNDS: usize = 2_000_000;

#[derive(Debug)]
pub(super) struct Search<'s, 'a> {
    pub(super) pool: &'s mut Pool<'a>,
    pub(super) rules: Vec<Rule>,
    /// Rules of the request, one after the other.
    jobs: std::ops::Range<RuleId>,
    first_learnt: RuleId,
    /// Level at which a package was chosen (positive) or ruled out (negative); 0: open.
    pub(super) level_of: Vec<i32>,
    /// First rule that watches a literal, by the literal plus the number of packages.
    watches: Vec<RuleId>,
    size: i32,
    /// What was decided, in order, and why: a rule; 0 or below: a free choice for the rule of that number.
    pub(super) decisions: Vec<Solvable>,
    pub(super) reasons: Vec<i64>,
    propagated: usize,
    /// For each learnt rule, the rules that it was learnt from.
    pub(super) learnt_from: Vec<Vec<RuleId>>,
    branches: Vec<minimize::Branch>,
    wishes: wishes::Wishes,
    rounds: usize,
}

/// Why there is no solution: all rules that took part in the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    Unsolvable(Vec<RuleId>),
    /// It took longer than any real request does.
    GivenUp,
}

type Step<T> = Result<T, Failure>;

impl<'s, 'a> Search<'s, 'a> {
    pub(super) fn new(pool: &'s mut Pool<'a>, rules: Vec<Rule>, jobs: std::ops::Range<RuleId>) -> Self {
        let size = pool.end();
        let count = size.unsigned_abs() as usize;
        Self {
            pool,
            jobs,
            first_learnt: RuleId::try_from(rules.len()).unwrap_or(RuleId::MAX),
            rules,
            level_of: vec![0; count],
            watches: vec![0; 2 * count],
            size,
            decisions: Vec::new(),
            reasons: Vec::new(),
            propagated: 0,
            learnt_from: Vec::new(),
            branches: Vec::new(),
            wishes: wishes::Wishes::new(count),
            rounds: 0,
        }
    }

    /// Decides until every rule holds; then the chosen packages are those of positive level.
    pub(super) fn run(&mut self, with_weak: bool) -> Step<()> {
        self.watch_all();
        let mut level = self.assertions()?;
        if let Some(rule) = self.propagate(level) {
            return Err(self.unsolvable(rule));
        }
        let mut system_level = level + 1;
        loop {
            if level < system_level {
                let before = level;
                level = self.resolve_jobs(level)?;
                if level < before {
                    continue;
                }
                // From here down the request's own choices are made; a later round that stays above need not look at them again.
                system_level = level;
            }
            let before = level;
            level = self.resolve_dependencies(level)?;
            if level < before {
                continue;
            }
            if with_weak && let Some(next) = self.resolve_weak(level)? {
                level = next;
                continue;
            }
            match self.minimize()? {
                Some(next) => level = next,
                None => return Ok(()),
            }
        }
    }

    fn watch_all(&mut self) {
        for id in (1..self.rules.len()).rev() {
            if self.rules[id].watches[1] != 0 {
                self.watch(id);
            }
        }
    }

    pub(super) fn watch(&mut self, id: usize) {
        for side in 0..2 {
            let literal = self.rules[id].watches[side];
            let slot = (literal + self.size).unsigned_abs() as usize;
            self.rules[id].next[side] = self.watches[slot];
            self.watches[slot] = RuleId::try_from(id).unwrap_or(0);
        }
    }

    /// Decides what rules of one literal say, at level 1.
    fn assertions(&mut self) -> Step<i32> {
        self.level_of[SYSTEM as usize] = 1;
        self.decisions.push(SYSTEM);
        self.reasons.push(0);
        for id in 1..self.rules.len() {
            if !self.rules[id].is_assertion() {
                continue;
            }
            let literal = self.rules[id].first;
            if self.is_false(literal) {
                let id = RuleId::try_from(id).unwrap_or(0);
                return Err(self.unsolvable(id));
            }
            if !self.is_true(literal) {
                self.decide(literal, 1, i64::try_from(id).unwrap_or(0));
            }
        }
        Ok(1)
    }

    pub(super) fn decide(&mut self, literal: Solvable, level: i32, reason: i64) {
        self.level_of[literal.unsigned_abs() as usize] = if literal > 0 { level } else { -level };
        self.decisions.push(literal);
        self.reasons.push(reason);
    }

    pub(super) fn is_true(&self, literal: Solvable) -> bool {
        let level = self.level_of[literal.unsigned_abs() as usize];
        if literal > 0 { level > 0 } else { level < 0 }
    }

    pub(super) fn is_false(&self, literal: Solvable) -> bool {
        let level = self.level_of[literal.unsigned_abs() as usize];
        if literal > 0 { level < 0 } else { level > 0 }
    }

    pub(super) fn is_open(&self, package: Solvable) -> bool {
        self.level_of[package.unsigned_abs() as usize] == 0
    }

    pub(super) fn is_chosen(&self, package: Solvable) -> bool {
        self.level_of[package.unsigned_abs() as usize] > 0
    }

    /// All literals of a rule.
    pub(super) fn literals(&self, id: RuleId) -> impl Iterator<Item = Solvable> + '_ {
        let rule = &self.rules[id as usize];
        let (second, rest): (Solvable, &[Solvable]) = if rule.list == 0 {
            // The watches of a short rule are its literals.
            (rule.watches[1], &[])
        } else {
            (0, self.pool.list(rule.list))
        };
        [rule.first, second]
            .into_iter()
            .filter(|&literal| literal != 0)
            .chain(rest.iter().copied())
    }

    /// Draws all conclusions; a rule that does not hold is given back.
    pub(super) fn propagate(&mut self, level: i32) -> Option<RuleId> {
        while let Some(&decided) = self.decisions.get(self.propagated) {
            self.propagated += 1;
            let literal = -decided;
            let slot = (literal + self.size).unsigned_abs() as usize;
            // Where the number of the current rule is kept: the head of the chain, or a rule and its side.
            let mut link: Option<(usize, usize)> = None;
            let mut id = self.watches[slot] as usize;
            while id != 0 {
                let side = usize::from(self.rules[id].watches[0] != literal);
                let other = self.rules[id].watches[1 - side];
                let next = self.rules[id].next[side];
                if self.is_true(other) {
                    link = Some((id, side));
                    id = next as usize;
                    continue;
                }
                if let Some(replacement) = self.replacement(id, other) {
                    match link {
                        None => self.watches[slot] = next,
                        Some((before, side)) => self.rules[before].next[side] = next,
                    }
                    let target = (replacement + self.size).unsigned_abs() as usize;
                    self.rules[id].watches[side] = replacement;
                    self.rules[id].next[side] = self.watches[target];
                    self.watches[target] = RuleId::try_from(id).unwrap_or(0);
                    id = next as usize;
                    continue;
                }
                if self.is_false(other) {
                    return RuleId::try_from(id).ok();
                }
                self.decide(other, level, i64::try_from(id).unwrap_or(0));
                link = Some((id, side));
                id = next as usize;
            }
        }
        None
    }

    /// A literal of a long rule that can be watched instead: not false, and not the other watch.
    fn replacement(&self, id: usize, other: Solvable) -> Option<Solvable> {
        let rule = &self.rules[id];
        if rule.list == 0 {
            return None;
        }
        if rule.first != other && !self.is_false(rule.first) {
            return Some(rule.first);
        }
        let mut at = rule.list as usize;
        while self.pool.lists[at] != 0 {
            let literal = self.pool.lists[at];
            if literal != other && !self.is_false(literal) {
                return Some(literal);
            }
            at += 1;
        }
        None
    }

    /// For each specification, chooses one of its packages.
    fn resolve_jobs(&mut self, mut level: i32) -> Step<i32> {
        let start = level;
        let mut id = self.jobs.start;
        while id < self.jobs.end {
            let mut open = Vec::new();
            let mut holds = false;
            for literal in self.literals(id) {
                if literal < 0 {
                    holds |= !self.is_chosen(-literal);
                } else if self.is_chosen(literal) {
                    holds = true;
                } else if self.is_open(literal) {
                    open.push(literal);
                }
            }
            if holds || open.is_empty() {
                id += 1;
                continue;
            }
            let before = level;
            level = self.choose(level, open, id)?;
            if level > before {
                id += 1;
            } else if level < before {
                if level < start {
                    return Ok(level);
                }
                id = self.jobs.start;
            }
        }
        Ok(level)
    }

    /// For each rule whose premises are met, chooses one of its alternatives; those with a clear best first.
    fn resolve_dependencies(&mut self, mut level: i32) -> Step<i32> {
        let start = level;
        // 0: none met yet; above: the first rule that was put off; below: those are being decided.
        let mut postponed: i64 = 0;
        let (mut id, mut seen) = (1_usize, 1_usize);
        loop {
            if seen >= self.rules.len() {
                if postponed <= 0 {
                    return Ok(level);
                }
                id = usize::try_from(postponed).unwrap_or(1);
                postponed = -1;
                seen = 1;
            }
            if id >= self.rules.len() {
                id = 1;
            }
            if let Some(mut open) = self.undecided(id) {
                if postponed >= 0 {
                    self.narrow(&mut open, Mode::ChooseUnordered);
                    if open.len() > 1 {
                        if postponed == 0 {
                            postponed = i64::try_from(id).unwrap_or(0);
                        }
                        (id, seen) = (id + 1, seen + 1);
                        continue;
                    }
                }
                level = self.choose(level, open, RuleId::try_from(id).unwrap_or(0))?;
                if level < start {
                    return Ok(level);
                }
                seen = 0;
            }
            (id, seen) = (id + 1, seen + 1);
        }
    }

    /// The open alternatives of a rule whose premises are met and which does not hold yet.
    fn undecided(&self, id: usize) -> Option<Vec<Solvable>> {
        let rule = &self.rules[id];
        if rule.first < 0 && (rule.list == 0 || self.level_of[rule.first.unsigned_abs() as usize] <= 0) {
            return None;
        }
        if rule.list == 0 {
            let second = rule.watches[1];
            let both_open = second > 0 && rule.first > 0 && self.is_open(rule.first) && self.is_open(second);
            return both_open.then(|| vec![rule.first, second]);
        }
        let mut open = Vec::new();
        if rule.first > 0 {
            if self.is_chosen(rule.first) {
                return None;
            }
            if self.is_open(rule.first) {
                open.push(rule.first);
            }
        }
        let mut at = rule.list as usize;
        while self.pool.lists[at] != 0 {
            let literal = self.pool.lists[at];
            at += 1;
            let level = self.level_of[literal.unsigned_abs() as usize];
            if literal < 0 {
                if level <= 0 {
                    return None;
                }
            } else if level > 0 {
                return None;
            } else if level == 0 {
                open.push(literal);
            }
        }
        Some(open)
    }

    /// Chooses the preferred of some packages, remembers the others, and draws the conclusions.
    pub(super) fn choose(&mut self, level: i32, mut packages: Vec<Solvable>, rule: RuleId) -> Step<i32> {
        if packages.len() > 1 {
            self.narrow(&mut packages, Mode::Choose);
        }
        if packages.len() > 1 {
            self.branches.push(minimize::Branch::new(level, &packages));
        }
        let Some(&chosen) = packages.first() else {
            return Err(Failure::GivenUp);
        };
        self.decide_and_learn(level, chosen, -i64::from(rule))
    }

    /// Decides one level up; conflicts are learnt from until there are none.
    pub(super) fn decide_and_learn(&mut self, level: i32, literal: Solvable, reason: i64) -> Step<i32> {
        self.rounds += 1;
        if self.rounds > MOST_ROUNDS {
            return Err(Failure::GivenUp);
        }
        let mut level = level + 1;
        self.decide(literal, level, reason);
        while let Some(rule) = self.propagate(level) {
            if level == 1 {
                return Err(self.unsolvable(rule));
            }
            let learnt;
            (level, learnt) = self.learn(level, rule);
            let literal = self.rules[learnt].first;
            self.decide(literal, level, i64::try_from(learnt).unwrap_or(0));
            self.rounds += 1;
            if self.rounds > MOST_ROUNDS {
                return Err(Failure::GivenUp);
            }
        }
        Ok(level)
    }

    /// Takes back all decisions above a level.
    pub(super) fn revert(&mut self, level: i32) {
        while let Some(&literal) = self.decisions.last() {
            let at = literal.unsigned_abs() as usize;
            if self.level_of[at].abs() <= level {
                break;
            }
            self.level_of[at] = 0;
            self.decisions.pop();
            self.reasons.pop();
            self.propagated = self.decisions.len();
        }
        while self.branches.last().is_some_and(|branch| branch.level >= level) {
            self.branches.pop();
        }
        self.wishes.reverted_to(self.decisions.len());
    }
}
