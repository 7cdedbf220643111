//! From a file tree to OCI layers, config, manifest, index, image layout and archive.
//!
//! The same tree gives the same bytes: nothing here reads the clock, the environment, an owner's name or the order of a hash map.
//! What this crate refuses: a path that leaves the tree, a file below something that is no directory, a device.
//!
//! ```
//! use qclock_oci::{layer, tree::{Entry, Tree}};
//! let mut tree = Tree::default();
//! tree.add("etc/motd".parse()?, Entry::file("hello\n", 0o644))?;
//! let built = layer::build(&tree, &layer::Settings::at(1_700_000_000))?;
//! assert_eq!(built.blob.descriptor.media_type, qclock_oci::image::LAYER);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod path;
pub mod tree;

pub mod digest;
pub mod image;
pub mod layer;

pub mod archive;
pub mod layout;

pub use digest::Digest;
pub use path::TreePath;
pub use tree::{Entry, Kind, Tree};
