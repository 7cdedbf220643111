//! Rich requirements as clauses: a conjunction of alternatives (or the other way round), in the order in which libsolv makes them.

use qclock_packages::rpm::Requirement;

use super::pool::{Pool, SYSTEM, Solvable, is_complex};

/// Most literals that one requirement may become; the largest of an EL9 becomes 40.
const MOST_LITERALS: usize = 200_000;

/// Blocks of literals: positive for "is chosen", negative for "is not".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Blocks {
    /// Cannot be met.
    Never,
    /// Is met whatever is chosen.
    Always,
    Some(Vec<Vec<Solvable>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// All blocks must hold; in each, any literal.
    Conjunctive,
    /// Any block must hold; in it, all literals.
    Disjunctive,
}

impl Form {
    fn other(self) -> Self {
        match self {
            Self::Conjunctive => Self::Disjunctive,
            Self::Disjunctive => Self::Conjunctive,
        }
    }
}

/// The requirement became more than could be searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

pub(super) fn normalize(pool: &mut Pool<'_>, requirement: &Requirement, form: Form) -> Result<Blocks, TooLarge> {
    if !is_complex(requirement) {
        return Ok(plain(pool, requirement, form));
    }
    match requirement {
        Requirement::Or(left, right) => either(pool, left, right, form, false),
        Requirement::And(left, right) => both(pool, left, right, form, false),
        Requirement::If(then, condition, None) => either(pool, then, condition, form, true),
        Requirement::Unless(then, condition, None) => both(pool, then, condition, form, true),
        // a if b else c: (a or not b) and (c or b).
        Requirement::If(then, condition, Some(other)) => {
            let first = either(pool, then, condition, form, true)?;
            let second = either(pool, condition, other, form, false)?;
            conjoin(first, second, form)
        }
        // a unless b else c: (a and not b) or (c and b).
        Requirement::Unless(then, condition, Some(other)) => {
            let first = both(pool, then, condition, form, true)?;
            let second = both(pool, condition, other, form, false)?;
            disjoin(first, second, form)
        }
        Requirement::Plain(_) | Requirement::With(..) | Requirement::Without(..) => Ok(plain(pool, requirement, form)),
    }
}

fn plain(pool: &mut Pool<'_>, requirement: &Requirement, form: Form) -> Blocks {
    let list = pool.providers_of_requirement(requirement);
    let packages = pool.list(list);
    match (packages, form) {
        ([], _) => Blocks::Never,
        ([SYSTEM, ..], _) => Blocks::Always,
        (_, Form::Conjunctive) => Blocks::Some(vec![packages.to_vec()]),
        (_, Form::Disjunctive) => Blocks::Some(packages.iter().map(|&package| vec![package]).collect()),
    }
}

fn either(
    pool: &mut Pool<'_>,
    left: &Requirement,
    right: &Requirement,
    form: Form,
    negate: bool,
) -> Result<Blocks, TooLarge> {
    let first = normalize(pool, left, form)?;
    if first == Blocks::Always {
        return Ok(first);
    }
    let second = operand(pool, right, form, negate)?;
    disjoin(first, second, form)
}

fn both(
    pool: &mut Pool<'_>,
    left: &Requirement,
    right: &Requirement,
    form: Form,
    negate: bool,
) -> Result<Blocks, TooLarge> {
    let first = normalize(pool, left, form)?;
    if first == Blocks::Never {
        return Ok(first);
    }
    let second = operand(pool, right, form, negate)?;
    conjoin(first, second, form)
}

fn operand(pool: &mut Pool<'_>, requirement: &Requirement, form: Form, negate: bool) -> Result<Blocks, TooLarge> {
    if negate {
        Ok(invert(normalize(pool, requirement, form.other())?))
    } else {
        normalize(pool, requirement, form)
    }
}

/// Not: which also turns one form into the other.
pub(super) fn invert(blocks: Blocks) -> Blocks {
    match blocks {
        Blocks::Never => Blocks::Always,
        Blocks::Always => Blocks::Never,
        Blocks::Some(blocks) => Blocks::Some(
            blocks
                .into_iter()
                .map(|block| block.into_iter().rev().map(|literal| -literal).collect())
                .collect(),
        ),
    }
}

fn disjoin(first: Blocks, second: Blocks, form: Form) -> Result<Blocks, TooLarge> {
    match (first, second) {
        (Blocks::Always, _) | (_, Blocks::Always) => Ok(Blocks::Always),
        (Blocks::Never, other) | (other, Blocks::Never) => Ok(other),
        (Blocks::Some(first), Blocks::Some(second)) if form == Form::Disjunctive => Ok(append(first, second)),
        (Blocks::Some(first), Blocks::Some(second)) => distribute(&first, &second, Blocks::Always),
    }
}

fn conjoin(first: Blocks, second: Blocks, form: Form) -> Result<Blocks, TooLarge> {
    match (first, second) {
        (Blocks::Never, _) | (_, Blocks::Never) => Ok(Blocks::Never),
        (Blocks::Always, other) | (other, Blocks::Always) => Ok(other),
        (Blocks::Some(first), Blocks::Some(second)) if form == Form::Conjunctive => Ok(append(first, second)),
        (Blocks::Some(first), Blocks::Some(second)) => distribute(&first, &second, Blocks::Never),
    }
}

fn append(mut first: Vec<Vec<Solvable>>, second: Vec<Vec<Solvable>>) -> Blocks {
    first.extend(second);
    Blocks::Some(first)
}

/// Every block of the first with every block of the second; a block with a literal and its opposite says nothing.
fn distribute(first: &[Vec<Solvable>], second: &[Vec<Solvable>], when_empty: Blocks) -> Result<Blocks, TooLarge> {
    let mut result = Vec::new();
    let mut literals = 0;
    for left in first {
        for right in second {
            let mut block: Vec<Solvable> = left.iter().chain(right).copied().collect();
            block.sort_unstable();
            block.dedup();
            literals += block.len();
            if literals > MOST_LITERALS {
                return Err(TooLarge);
            }
            let opposite = |literal: &Solvable| *literal < 0 && block.binary_search(&-literal).is_ok();
            if !block.iter().any(opposite) {
                result.push(block);
            }
        }
    }
    Ok(if result.is_empty() {
        when_empty
    } else {
        Blocks::Some(result)
    })
}
