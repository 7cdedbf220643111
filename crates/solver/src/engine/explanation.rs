//! Why there is no solution, in words: a line for each dead end, with the chain of who requires what back to the request.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use resolvo::conflict::{ConflictCause, ConflictEdge, ConflictGraph, ConflictNode};

use super::Ecosystem;
use super::provider::Provider;

/// Most lines that are worth reading.
const MOST_LINES: usize = 12;

pub(super) fn explain<E: Ecosystem>(graph: &ConflictGraph, provider: &Provider<'_, E>) -> String {
    let explainer = Explainer::new(graph, provider);
    let mut lines = Vec::new();
    let mut seen = BTreeSet::new();
    for line in explainer.missing().into_iter().chain(explainer.conflicts()) {
        if seen.insert(line.clone()) {
            lines.push(line);
        }
    }
    let more = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
        .iter()
        .map(|line| format!("  - {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

struct Explainer<'g, 'e, E: Ecosystem> {
    graph: &'g ConflictGraph,
    provider: &'g Provider<'e, E>,
    /// Node → the node that requires it on the shortest way from the request.
    required_by: BTreeMap<usize, usize>,
}

impl<'g, 'e, E: Ecosystem> Explainer<'g, 'e, E> {
    fn new(graph: &'g ConflictGraph, provider: &'g Provider<'e, E>) -> Self {
        let mut required_by = BTreeMap::new();
        let mut waiting = VecDeque::from([graph.root_node.index()]);
        while let Some(from) = waiting.pop_front() {
            for edge in graph.graph.raw_edges() {
                let to = edge.target().index();
                let requires = matches!(edge.weight, ConflictEdge::Requires(_));
                if requires
                    && edge.source().index() == from
                    && to != graph.root_node.index()
                    && !required_by.contains_key(&to)
                {
                    required_by.insert(to, from);
                    waiting.push_back(to);
                }
            }
        }
        Self {
            graph,
            provider,
            required_by,
        }
    }

    fn missing(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for edge in self.graph.graph.raw_edges() {
            let ConflictEdge::Requires(requirement) = edge.weight else {
                continue;
            };
            if self.graph.graph[edge.target()] == ConflictNode::UnresolvedDependency {
                let text = self.provider.requirement_text(requirement);
                lines.push(format!(
                    "nothing provides {text}, {}",
                    self.chain(edge.source().index())
                ));
            }
        }
        lines
    }

    fn conflicts(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for edge in self.graph.graph.raw_edges() {
            let ConflictEdge::Conflict(cause) = edge.weight else {
                continue;
            };
            let (from, to) = (edge.source().index(), edge.target().index());
            let (left, right) = (self.describe(from), self.describe(to));
            match cause {
                ConflictCause::Constrains(set) => {
                    let text = self.provider.set_text(set);
                    lines.push(format!("{left} {text}, which excludes {right}"));
                    lines.extend([self.why(from), self.why(to)].into_iter().flatten());
                }
                ConflictCause::ForbidMultipleInstances => {
                    lines.push(format!("{left} and {right} cannot be chosen together"));
                    lines.extend([self.why(from), self.why(to)].into_iter().flatten());
                }
                ConflictCause::Locked(locked) => {
                    let locked = self.provider.ecosystem.describe(self.provider.package(locked));
                    lines.push(format!("{right} cannot be chosen, since the parent image has {locked}"));
                    lines.extend(self.why(to));
                }
                ConflictCause::Excluded => lines.push(format!("{left} cannot be chosen")),
            }
        }
        lines
    }

    fn why(&self, node: usize) -> Option<String> {
        let by = self.required_by.get(&node)?;
        Some(format!("{} is {}", self.describe(node), self.chain(*by)))
    }

    /// `required by Y 1.0, required by Z 2.0, required by the request`.
    fn chain(&self, mut node: usize) -> String {
        let mut links = vec![format!("required by {}", self.describe(node))];
        while let Some(&by) = self.required_by.get(&node) {
            links.push(format!("required by {}", self.describe(by)));
            node = by;
        }
        links.join(", ")
    }

    fn describe(&self, node: usize) -> String {
        match self.graph.graph.raw_nodes()[node].weight {
            ConflictNode::Root => "the request".to_owned(),
            ConflictNode::Solvable(solvable) => self.provider.ecosystem.describe(self.provider.package(solvable)),
            ConflictNode::UnresolvedDependency => "nothing".to_owned(),
            ConflictNode::Excluded(_) => "what cannot be chosen".to_owned(),
        }
    }
}
