//! `comps.xml`: groups of packages, and environments of groups, that are asked for by one name.

use quick_xml::events::{BytesStart, Event};

use super::glob::glob_matches;
use super::xml::{Fault, LONGEST_VALUE, XmlError, attribute, local_name, resolve, text_of};

/// Largest file that is taken; that of a whole EL9 has 150 KB.
const LARGEST: usize = 64 << 20;
/// Most groups, environments and members of all of them together.
const MOST: usize = 500_000;
const DEEPEST: usize = 16;

/// What the files of one or more repositories say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comps {
    pub groups: Vec<Group>,
    pub environments: Vec<Environment>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    pub id: String,
    pub name: String,
    pub members: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    pub id: String,
    pub name: String,
    /// Identifiers of the groups that belong to it; those that it merely offers are not among them.
    pub groups: Vec<String>,
}

/// A package of a group, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Member {
    pub name: String,
    pub kind: MemberKind,
    /// Of a conditional one: only where this package is there, too.
    pub requires: Option<String>,
    /// Only of the machine's own architecture.
    pub base_architecture_only: bool,
}

/// How much a package belongs to its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemberKind {
    #[default]
    Mandatory,
    Default,
    Optional,
    Conditional,
}

impl MemberKind {
    /// As comps and dnf's configuration write it.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "mandatory" => Self::Mandatory,
            "default" => Self::Default,
            "optional" => Self::Optional,
            "conditional" => Self::Conditional,
            _ => return None,
        })
    }
}

impl Comps {
    /// Reads an unpacked file.  The document type that all such files begin with is taken where it declares nothing.
    pub fn parse(bytes: &[u8]) -> Result<Self, XmlError> {
        if bytes.len() > LARGEST {
            return Err(XmlError::new(0, Fault::TooLarge { limit: LARGEST }));
        }
        let text = text_of(bytes, 0)?;
        let mut reader = quick_xml::Reader::from_str(text);
        let mut parser = Parser::default();
        loop {
            let at = reader.buffer_position();
            let event = reader.read_event().map_err(|error| XmlError::new(at, error.into()))?;
            if matches!(event, Event::Eof) {
                break;
            }
            parser.event(&event).map_err(|fault| XmlError::new(at, fault))?;
        }
        let end = reader.buffer_position();
        parser.finish().map_err(|fault| XmlError::new(end, fault))
    }

    /// Adds what another repository says: a group of the same identifier has the members of both.
    pub fn add(&mut self, other: Self) {
        for group in other.groups {
            match self.groups.iter_mut().find(|it| it.id == group.id) {
                Some(known) => add_new(&mut known.members, group.members),
                None => self.groups.push(group),
            }
        }
        for environment in other.environments {
            match self.environments.iter_mut().find(|it| it.id == environment.id) {
                Some(known) => add_new(&mut known.groups, environment.groups),
                None => self.environments.push(environment),
            }
        }
    }

    /// Groups with this identifier or name, or else those whose is like this pattern, whatever the case of letters.
    pub fn groups_like(&self, pattern: &str) -> Vec<&Group> {
        like(&self.groups, pattern, |it| (&it.id, &it.name))
    }

    /// The same of environments.
    pub fn environments_like(&self, pattern: &str) -> Vec<&Environment> {
        like(&self.environments, pattern, |it| (&it.id, &it.name))
    }
}

fn like<'a, T>(all: &'a [T], pattern: &str, names: impl Fn(&'a T) -> (&'a String, &'a String)) -> Vec<&'a T> {
    let is_exactly = |it: &&'a T| {
        let (id, name) = names(it);
        id == pattern || name == pattern
    };
    let exact: Vec<&T> = all.iter().filter(is_exactly).collect();
    if !exact.is_empty() {
        return exact;
    }
    let pattern = pattern.to_lowercase();
    let is_like = |it: &&'a T| {
        let (id, name) = names(it);
        glob_matches(&pattern, &id.to_lowercase()) || glob_matches(&pattern, &name.to_lowercase())
    };
    all.iter().filter(is_like).collect()
}

fn add_new<T: PartialEq>(known: &mut Vec<T>, new: Vec<T>) {
    for one in new {
        if !known.contains(&one) {
            known.push(one);
        }
    }
}

#[derive(Default)]
struct Parser {
    comps: Comps,
    path: Vec<String>,
    group: Group,
    environment: Environment,
    member: Member,
    text: String,
    /// Whether the name that is read is the one for everybody, and not for speakers of a language.
    plain_name: bool,
    count: usize,
    closed: bool,
}

impl Parser {
    fn event(&mut self, event: &Event<'_>) -> Result<(), Fault> {
        match event {
            Event::DocType(text) if text.contains('[') || !self.path.is_empty() => return Err(Fault::DocumentType),
            Event::Start(start) => {
                if self.path.len() >= DEEPEST {
                    return Err(Fault::TooDeep);
                }
                self.open(start)?;
            }
            Event::Empty(start) => {
                self.open(start)?;
                self.close()?;
            }
            Event::End(_) => self.close()?,
            Event::Text(text) => self.append(text)?,
            Event::CData(text) => self.append(text)?,
            Event::GeneralRef(name) => {
                let resolved = resolve(name)?;
                self.append(&resolved)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn append(&mut self, text: &str) -> Result<(), Fault> {
        if self.text.len() + text.len() > LONGEST_VALUE {
            return Err(Fault::TooLong);
        }
        self.text.push_str(text);
        Ok(())
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), Fault> {
        self.text.clear();
        let name = local_name(start.name().0);
        match (self.path.len(), name) {
            (0, "comps") => {}
            (0, _) => return Err(Fault::Root { expected: "comps" }),
            (1, "group") => self.group = Group::default(),
            (1, "environment") => self.environment = Environment::default(),
            (2, "name") => self.plain_name = attribute(start, "xml:lang")?.is_none(),
            (3, "packagereq") => self.member = member(start)?,
            _ => {}
        }
        self.path.push(name.to_owned());
        Ok(())
    }

    fn close(&mut self) -> Result<(), Fault> {
        let text = self.text.trim().to_owned();
        let path: Vec<&str> = self.path.iter().skip(1).map(String::as_str).collect();
        match *path.as_slice() {
            [] => self.closed = true,
            ["group", "id"] => self.group.id = text,
            ["environment", "id"] => self.environment.id = text,
            ["group", "name"] if self.plain_name => self.group.name = text,
            ["environment", "name"] if self.plain_name => self.environment.name = text,
            ["group", "packagelist", "packagereq"] => {
                let member = std::mem::take(&mut self.member);
                self.count()?;
                if text.is_empty() {
                    return Err(Fault::Missing {
                        what: "name of a package in a group",
                    });
                }
                self.group.members.push(Member { name: text, ..member });
            }
            ["environment", "grouplist", "groupid"] => {
                self.count()?;
                self.environment.groups.push(text);
            }
            ["group"] => {
                let group = std::mem::take(&mut self.group);
                self.identified(&group.id)?;
                self.comps.groups.push(group);
            }
            ["environment"] => {
                let environment = std::mem::take(&mut self.environment);
                self.identified(&environment.id)?;
                self.comps.environments.push(environment);
            }
            _ => {}
        }
        self.text.clear();
        self.path.pop();
        Ok(())
    }

    fn identified(&mut self, id: &str) -> Result<(), Fault> {
        self.count()?;
        if id.is_empty() {
            return Err(Fault::Missing {
                what: "identifier of a group",
            });
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), Fault> {
        self.count += 1;
        if self.count > MOST {
            return Err(Fault::TooMany { what: "members" });
        }
        Ok(())
    }

    /// A group that is written twice in a file counts as though two files had it.
    fn finish(self) -> Result<Comps, Fault> {
        if !self.closed || !self.path.is_empty() {
            return Err(Fault::Truncated);
        }
        let mut comps = Comps::default();
        comps.add(self.comps);
        Ok(comps)
    }
}

fn member(start: &BytesStart<'_>) -> Result<Member, Fault> {
    // What nobody says is mandatory, as libcomps has it; what nobody knows is refused.
    let kind = attribute(start, "type")?.unwrap_or_else(|| "mandatory".to_owned());
    Ok(Member {
        name: String::new(),
        kind: MemberKind::parse(&kind).ok_or_else(|| Fault::Value {
            what: "kind of package in a group",
            value: kind.clone(),
        })?,
        requires: attribute(start, "requires")?.filter(|name| !name.is_empty()),
        base_architecture_only: attribute(start, "basearchonly")?.is_some_and(|text| text == "true"),
    })
}

#[cfg(test)]
mod tests;
