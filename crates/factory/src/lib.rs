//! Image definitions to locks to images.

pub mod assemble;
pub mod build;
pub mod cache;
pub mod definition;
pub mod dockerfile;
pub mod document;
mod elf;
pub mod failure;
pub mod fetch;
pub mod flavour;
pub mod generate;
pub mod keys;
pub mod ledger;
pub mod load;
pub mod lock;
pub mod lockfile;
pub mod mirror;
pub mod package_database;
pub mod project;
pub mod reach;
pub mod record;
pub mod repository;
pub mod resolve;
pub mod slim;
pub mod supply;
pub mod variables;
pub mod vendor;
