//! Image definitions to locks to images.

pub mod definition;
pub mod flavour;
pub mod lockfile;
