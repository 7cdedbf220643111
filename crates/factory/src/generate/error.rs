//! Why an image's own files cannot be made.

use std::path::PathBuf;

use qclock_oci::path::{PathError, TreePath};
use qclock_oci::tree::TreeError;
use thiserror::Error;

use crate::assemble::PatternError;
use crate::failure::{Class, Failure};
use crate::variables::UnknownVariable;

#[derive(Debug, Error)]
pub enum GenerateError {
    #[error("`{path}` is not a path that an image can hold")]
    Path {
        path: String,
        #[source]
        source: PathError,
    },
    #[error("`/{path}` is made twice: by `rootfs/`, a declaration or a generated file")]
    Twice { path: TreePath },
    #[error("the link `/{path}` would take the place of {kind} that a package or a parent brings")]
    LinkOver { path: TreePath, kind: &'static str },
    #[error("the target of the link `{path}`, `{target}`, stands for {found} paths of the image")]
    LinkTarget { path: String, target: String, found: usize },
    #[error(transparent)]
    Pattern(#[from] PatternError),
    #[error(transparent)]
    Tree(#[from] TreeError),
    #[error("the mode `{mode}` of `{path}` is not octal")]
    Mode { path: String, mode: String },
    #[error("no account or group `{name}` is declared by this image or its parents")]
    Owner { name: String },
    #[error(
        "there is no certificate to make a bundle of, in `/usr/share/ca-certificates/mozilla` or `/usr/share/pki/ca-trust-source`"
    )]
    Certificates,
    #[error("there is no policy for cryptography in `/usr/share/crypto-policies/{policy}`")]
    CryptoPolicy { policy: String },
    #[error("cannot read the key `{name}`")]
    Key {
        name: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot read `{}`", path.display())]
    Rootfs {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{}` is neither a file, a folder nor a symbolic link, or has a name that is not UTF-8", path.display())]
    RootfsKind { path: PathBuf },
    #[error("cannot render `rootfs/{path}.in`")]
    Render {
        path: String,
        #[source]
        source: UnknownVariable,
    },
    #[error("cannot render `rootfs/{path}.in`: it is not UTF-8")]
    Encoding { path: String },
    #[error("the program `{name}` is for {found}, the image for {wanted}")]
    Machine {
        name: String,
        found: &'static str,
        wanted: String,
    },
    #[error("cannot read the program `{name}`")]
    Program {
        name: String,
        #[source]
        source: std::io::Error,
    },
}

impl Failure for GenerateError {
    fn class(&self) -> Class {
        match self {
            Self::Program { .. } => Class::Environment,
            _ => Class::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Program { name, .. } => Some(format!(
                "run `cargo build --release` so that `{name}` lies beside `qclock`"
            )),
            Self::LinkOver { path, kind } if *kind != "a directory" => Some(format!(
                "write `replaces = true` in the `[[link]]` of `/{path}` if that is meant, or remove the link"
            )),
            Self::LinkTarget { .. } => Some("write a pattern that one path matches, or the path itself".to_owned()),
            Self::Machine { wanted, .. } => Some(format!(
                "compile for {wanted} with `cargo build --release --target {wanted}-unknown-linux-gnu`, and name the folder with `--programs`"
            )),
            Self::Certificates => Some("add the package `ca-certificates` to the image".to_owned()),
            Self::CryptoPolicy { policy } => Some(format!(
                "add the package `crypto-policies` to the image, and keep `usr/share/crypto-policies/{policy}` from being pruned"
            )),
            Self::Render { source, .. } => source
                .suggestion
                .as_ref()
                .map(|name| format!("did you mean `@{name}@`?")),
            _ => None,
        }
    }
}
