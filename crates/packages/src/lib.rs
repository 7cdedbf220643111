//! Names, versions, requirements and archive readers of distribution packages.
//!
//! Pure: bytes in, values out.  Nothing here opens a file, reads the clock or decides whether bytes can be trusted; `qclock-trust` does the last.
//! Everything that is read is taken for hostile: every size, count and length has a bound, and every refusal is a typed error.
//!
//! ```
//! use qclock_packages::deb::{Version, read_index};
//!
//! let index = b"Package: hello\nVersion: 2.10-3\nArchitecture: amd64\nFilename: pool/h/hello.deb\nSize: 53080\n\
//!     SHA256: 6b47f9b4b5a1c5bd1c2d2b9a1a9b1ff1dd7b0c4a0f4b8e3d7a6c5b4a39281706\n\n";
//! let packages = read_index(index).unwrap();
//! assert_eq!(packages[0].version, "2.10-3".parse::<Version>().unwrap());
//! ```

mod compression;
pub mod deb;
pub mod rpm;
pub mod tarball;
