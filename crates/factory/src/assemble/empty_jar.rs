//! A Java archive with nothing in it: for those that a list elsewhere names and nobody needs.

use flate2::Crc;

const NAME: &[u8] = b"META-INF/MANIFEST.MF";
const MANIFEST: &[u8] = b"Manifest-Version: 1.0\r\n\r\n";
/// 1980-01-01, the first day of the format (APPNOTE.TXT 4.4.6).
const DATE: u16 = 1 << 5 | 1;
/// Version 2.0 of the format, stored, no flags (4.4.3 to 4.4.5).
const VERSION: u16 = 20;

/// A zip file (APPNOTE.TXT 6.3) of the manifest alone, which the format of Java's archives demands; always the same bytes.
pub(crate) fn empty_jar() -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(MANIFEST);
    let length = small(MANIFEST.len());
    let mut common = Vec::new();
    for field in [VERSION, 0, 0, 0, DATE] {
        common.extend(field.to_le_bytes());
    }
    for field in [crc.sum(), u32::from(length), u32::from(length)] {
        common.extend(field.to_le_bytes());
    }
    common.extend(small(NAME.len()).to_le_bytes());
    common.extend([0; 2]);

    let mut jar = b"PK\x03\x04".to_vec();
    jar.extend(&common);
    jar.extend(NAME);
    jar.extend(MANIFEST);
    let directory = jar.len();
    jar.extend(b"PK\x01\x02");
    jar.extend(VERSION.to_le_bytes());
    jar.extend(&common);
    // Comment, disk, attributes, and the place of the entry: all nothing.
    jar.extend([0; 14]);
    jar.extend(NAME);
    let length = jar.len() - directory;
    jar.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    for field in [length, directory] {
        jar.extend(u32::from(small(field)).to_le_bytes());
    }
    jar.extend([0; 2]);
    jar
}

fn small(length: usize) -> u16 {
    u16::try_from(length).expect("the file above is a few bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_the_format() {
        let jar = empty_jar();
        assert_eq!(jar.len(), 30 + 20 + 25 + 46 + 20 + 22);
        assert_eq!(jar, empty_jar());
        // zlib's `crc32` of the manifest.
        assert_eq!(jar[14..18], 0xee02_7fb2_u32.to_le_bytes());
    }

    #[test]
    fn others_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty.jar");
        std::fs::write(&path, empty_jar()).unwrap();
        let read = std::process::Command::new("python3")
            .args(["-c", "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(z.read('META-INF/MANIFEST.MF'))"])
            .arg(&path)
            .output();
        match read {
            Ok(output) => assert!(
                output.stdout.starts_with(b"b'Manifest-Version: 1.0"),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            ),
            Err(error) => println!("skipped: no python3 to read it with: {error}"),
        }
    }
}
