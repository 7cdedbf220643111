//! YAML documents as trees in which every scalar is a string: `8.2`, `10.10` and `no` stay what was written.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser};

/// Deepest nesting; that of module documents is 6.
const DEEPEST: usize = 32;
/// Most nodes of all documents; those of a whole EL9 are 12,000.
const MOST_NODES: usize = 2_000_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Scalar(String),
    List(Vec<Self>),
    /// The last of equal keys wins.
    Map(BTreeMap<String, Self>),
}

#[derive(Debug, thiserror::Error)]
pub enum YamlError {
    #[error("the YAML is not well formed")]
    Syntax(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the YAML is nested too deep")]
    TooDeep,
    #[error("the YAML has too many values")]
    TooMany,
    #[error("the YAML refers to other parts of itself, which is not taken")]
    Alias,
    #[error("a key of the YAML is no plain text")]
    Key,
}

impl Node {
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map.get(key),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// Texts of a list; a single text is a list of one, anything else is none.
    pub(super) fn texts(&self) -> Vec<String> {
        match self {
            Self::Scalar(text) => vec![text.clone()],
            Self::List(list) => list.iter().filter_map(|node| node.text().map(str::to_owned)).collect(),
            Self::Map(_) => Vec::new(),
        }
    }

    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }
}

/// A collection that is not complete.
enum Open {
    List(Vec<Node>),
    Map(BTreeMap<String, Node>, Option<String>),
}

/// All documents of a stream.
pub(super) fn documents(text: &str) -> Result<Vec<Node>, YamlError> {
    let mut documents = Vec::new();
    let mut stack: Vec<Open> = Vec::new();
    let mut nodes = 0;
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| YamlError::Syntax(error.to_string().into()))?;
        let node = match event {
            Event::Alias(_) => return Err(YamlError::Alias),
            Event::Scalar(text, ..) => Node::Scalar(text.into_owned()),
            Event::SequenceStart(..) => {
                stack.push(Open::List(Vec::new()));
                check(stack.len(), &mut nodes)?;
                continue;
            }
            Event::MappingStart(..) => {
                stack.push(Open::Map(BTreeMap::new(), None));
                check(stack.len(), &mut nodes)?;
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match stack.pop() {
                Some(Open::List(list)) => Node::List(list),
                Some(Open::Map(map, _)) => Node::Map(map),
                None => continue,
            },
            _ => continue,
        };
        check(stack.len(), &mut nodes)?;
        match stack.last_mut() {
            None => documents.push(node),
            Some(Open::List(list)) => list.push(node),
            Some(Open::Map(map, key)) => match key.take() {
                Some(key) => {
                    map.insert(key, node);
                }
                None => *key = Some(node.text().ok_or(YamlError::Key)?.to_owned()),
            },
        }
    }
    Ok(documents)
}

fn check(depth: usize, nodes: &mut usize) -> Result<(), YamlError> {
    *nodes += 1;
    if depth > DEEPEST {
        return Err(YamlError::TooDeep);
    }
    if *nodes > MOST_NODES {
        return Err(YamlError::TooMany);
    }
    Ok(())
}
