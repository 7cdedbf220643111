//! Streams: which are enabled, which builds of them are in use, and which packages are hidden by that.
//!
//! In the order of `dnf module enable` and then `dnf install`: first the streams that are enabled for themselves and all that they require,
//! then those that `@module:stream` enables.

mod active;
mod book;
mod error;
mod explanation;
mod hidden;
mod specification;

use std::collections::BTreeSet;

use active::{Enabled, Newest, active};
pub(super) use book::{Book, BuildId};
pub use error::ModuleError;
pub(super) use hidden::{Hidden, hide};
pub(super) use specification::Specification;

/// What the builds must be for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) platform: &'a str,
    pub(super) architecture: &'a str,
}

/// Which streams are enabled so far.
#[derive(Debug)]
pub(super) struct Streams<'b, 'a> {
    book: &'b Book<'a>,
    setting: Setting<'b>,
    enabled: Enabled<'a>,
    pub(super) active: BTreeSet<BuildId>,
}

impl<'b, 'a> Streams<'b, 'a> {
    /// With these enabled, and what they require.
    pub(super) fn enable(
        book: &'b Book<'a>,
        asked: &[(String, String)],
        setting: Setting<'b>,
    ) -> Result<Self, ModuleError> {
        let mut streams = Self {
            book,
            setting,
            enabled: Enabled::new(),
            active: BTreeSet::new(),
        };
        for (module, stream) in asked {
            let specification = Specification::of_stream(module, stream);
            let meant = book.meant(&specification);
            if meant.is_empty() {
                return Err(unknown(book, module, stream));
            }
            streams.enable_meant(&format!("{module}:{stream}"), &meant)?;
        }
        streams.active = active(book, &streams.enabled, setting, Newest::Needed)?;
        // What is required is enabled for itself from now on.
        if streams.enable_required() {
            streams.settle()?;
        }
        Ok(streams)
    }

    /// Enables what a specification means: of several streams of one module the enabled or the default one.  The builds of those streams
    /// that it means.
    pub(super) fn enable_meant(&mut self, specification: &str, meant: &[BuildId]) -> Result<Vec<BuildId>, ModuleError> {
        let builds = &self.book.builds;
        let modules: BTreeSet<&'a str> = meant.iter().map(|&id| builds[id].name.as_str()).collect();
        let mut kept = Vec::new();
        for module in modules {
            let of_module = meant.iter().copied().filter(|&id| builds[id].name == module);
            let streams: BTreeSet<&'a str> = of_module.clone().map(|id| builds[id].stream.as_str()).collect();
            let stream = self.one_of(specification, module, &streams)?;
            if let Some(other) = self.enabled.insert(module, stream)
                && other != stream
            {
                return Err(ModuleError::TwoStreams {
                    module: module.to_owned(),
                    first: other.to_owned(),
                    second: stream.to_owned(),
                });
            }
            kept.extend(of_module.filter(|&id| builds[id].stream == stream));
        }
        Ok(kept)
    }

    fn one_of(&self, specification: &str, module: &str, streams: &BTreeSet<&'a str>) -> Result<&'a str, ModuleError> {
        if streams.len() == 1
            && let Some(only) = streams.first()
        {
            return Ok(only);
        }
        let known = || streams.iter().map(|&stream| stream.to_owned()).collect();
        let usual = self.enabled.get(module).or_else(|| self.book.defaults.get(module));
        match usual {
            None => Err(ModuleError::NoStream {
                module: module.to_owned(),
                known: known(),
            }),
            Some(stream) if streams.contains(stream) => Ok(stream),
            Some(stream) => Err(ModuleError::OtherStream {
                specification: specification.to_owned(),
                module: module.to_owned(),
                active: (*stream).to_owned(),
                known: known(),
            }),
        }
    }

    /// Works out anew which builds are in use.
    pub(super) fn settle(&mut self) -> Result<(), ModuleError> {
        self.active = active(self.book, &self.enabled, self.setting, Newest::IfPossible)?;
        Ok(())
    }

    /// Enables what the enabled streams require of those in use.
    /// Whether that is anything new.
    fn enable_required(&mut self) -> bool {
        let builds = &self.book.builds;
        let before = self.enabled.len();
        let is_enabled = |enabled: &Enabled<'a>, id: BuildId| enabled.contains_key(builds[id].name.as_str());
        let mut waiting: Vec<BuildId> = (self.active.iter().copied())
            .filter(|&id| is_enabled(&self.enabled, id))
            .collect();
        while let Some(id) = waiting.pop() {
            for (module, streams) in builds[id].requires.iter().flatten() {
                let required = self.active.iter().copied();
                let required = required.filter(|&other| builds[other].name == *module);
                for other in required.filter(|&other| explanation::fits(streams, &builds[other].stream)) {
                    if !is_enabled(&self.enabled, other) {
                        self.enabled.insert(&builds[other].name, &builds[other].stream);
                        waiting.push(other);
                    }
                }
            }
        }
        self.enabled.len() > before
    }
}

pub(super) fn unknown(book: &Book<'_>, module: &str, stream: &str) -> ModuleError {
    let known = book.streams(module);
    if known.is_empty() {
        return ModuleError::UnknownModule {
            module: module.to_owned(),
        };
    }
    ModuleError::UnknownStream {
        module: module.to_owned(),
        stream: stream.to_owned(),
        known,
    }
}
