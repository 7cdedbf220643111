//! Learning: what a conflict says about earlier decisions.

use super::{Failure, RuleId, SYSTEM, Search, Solvable};
use crate::rpm::rules::{Kind, NO_DEPENDENCY, Rule};

impl Search<'_, '_> {
    /// Learns a rule from one that does not hold and goes back to where it decides something: the level, and the rule.
    pub(super) fn learn(&mut self, level: i32, conflict: RuleId) -> (i32, usize) {
        let mut seen = vec![false; self.level_of.len()];
        let mut others: Vec<Solvable> = Vec::new();
        let mut from = Vec::new();
        let mut back_to = 1;
        let (mut open, mut open_at_one) = (0_usize, 0_usize);
        let mut at = self.decisions.len();
        let mut rule = conflict;
        let mut asserting = 0;
        'rules: loop {
            from.push(rule);
            let literals: Vec<Solvable> = self.literals(rule).collect();
            for literal in literals {
                let package = literal.unsigned_abs() as usize;
                if self.is_true(literal) || std::mem::replace(&mut seen[package], true) {
                    continue;
                }
                match self.level_of[package].abs() {
                    1 => open_at_one += 1,
                    its_level if its_level == level => open += 1,
                    its_level => {
                        others.push(literal);
                        back_to = back_to.max(its_level);
                    }
                }
            }
            loop {
                if open == 0 {
                    // Left are decisions of level 1, which are looked at for the proof alone.
                    open_at_one = open_at_one.saturating_sub(1);
                    if open_at_one == 0 {
                        break 'rules;
                    }
                }
                let Some(position) = self.decisions[..at]
                    .iter()
                    .rposition(|literal| seen[literal.unsigned_abs() as usize])
                else {
                    break 'rules;
                };
                at = position;
                let literal = self.decisions[at];
                seen[literal.unsigned_abs() as usize] = false;
                if open > 0 {
                    open -= 1;
                    if open == 0 {
                        asserting = -literal;
                        if open_at_one == 0 {
                            break 'rules;
                        }
                        for other in &others {
                            seen[other.unsigned_abs() as usize] = false;
                        }
                        open_at_one += 1;
                        continue;
                    }
                }
                if self.reasons[at] > 0 {
                    rule = RuleId::try_from(self.reasons[at]).unwrap_or(0);
                    break;
                }
            }
        }
        self.revert(back_to);
        (back_to, self.add_learnt(asserting, &others, from))
    }

    fn add_learnt(&mut self, asserting: Solvable, others: &[Solvable], from: Vec<RuleId>) -> usize {
        let id = self.rules.len();
        let mut rule = Rule {
            first: asserting,
            list: 0,
            watches: [asserting, 0],
            next: [0; 2],
            kind: Kind::Learnt,
            from: 0,
            dependency: NO_DEPENDENCY,
        };
        match *others {
            [] => {}
            [only] => rule.watches[1] = only,
            _ => {
                rule.list = self.pool.keep(others);
                // Watch what was decided last, so that the watch moves when that is taken back.
                let highest = others
                    .iter()
                    .max_by_key(|other| self.level_of[other.unsigned_abs() as usize].abs());
                rule.watches[1] = highest.copied().unwrap_or(others[0]);
            }
        }
        self.rules.push(rule);
        self.learnt_from.push(from);
        if self.rules[id].watches[1] != 0 {
            self.watch(id);
        }
        id
    }

    /// All rules that led to one that cannot hold, at level 1.
    pub(super) fn unsolvable(&self, conflict: RuleId) -> Failure {
        let mut involved = vec![false; self.level_of.len()];
        let mut proof = vec![conflict];
        for literal in self.literals(conflict) {
            involved[literal.unsigned_abs() as usize] = true;
        }
        for at in (0..self.decisions.len()).rev() {
            let package = self.decisions[at].unsigned_abs() as usize;
            if package == SYSTEM as usize || !involved[package] {
                continue;
            }
            if let Ok(reason) = RuleId::try_from(self.reasons[at])
                && reason > 0
            {
                proof.push(reason);
                for literal in self.literals(reason) {
                    involved[literal.unsigned_abs() as usize] = true;
                }
            }
        }
        Failure::Unsolvable(self.expand(proof))
    }

    /// Puts in the place of learnt rules what they were learnt from.
    fn expand(&self, proof: Vec<RuleId>) -> Vec<RuleId> {
        let mut seen = vec![false; self.rules.len()];
        let mut waiting = proof;
        let mut expanded = Vec::new();
        while let Some(id) = waiting.pop() {
            if std::mem::replace(&mut seen[id as usize], true) {
                continue;
            }
            match id.checked_sub(self.first_learnt) {
                Some(learnt) => waiting.extend(&self.learnt_from[learnt as usize]),
                None => expanded.push(id),
            }
        }
        expanded.sort_unstable();
        expanded
    }
}
