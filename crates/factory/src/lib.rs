//! Image definitions to locks to images.

pub mod definition;
pub mod document;
pub mod failure;
pub mod flavour;
pub mod lockfile;
pub mod project;
pub mod variables;
