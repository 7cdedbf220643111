//! What people write into a project: an image's definition, a flavour, a ledger; and a lock.  The first byte chooses the file; what is read is
//! written and read back as the same.

use std::sync::LazyLock;

use qclock_factory::ledger::Ledger;
use qclock_factory::project::Project;
use tempfile::TempDir;

const FLAVOUR: &str = "name = 'test12'\ntitle = 'Test'\nevaluation = true\narchitecture = 'amd64'\n\
                       [[suite]]\nname = 'bookworm'\narchive = 'debian'\ncomponents = ['main']\nkeys = ['archive.asc']\n";
const BASE: &str = "name = 'base'\ntitle = 'Base'\ndescription = 'b'\n[packages.test12]\ninstall = ['libc6']\n";

static ROOT: LazyLock<TempDir> = LazyLock::new(|| {
    let root = tempfile::tempdir().expect("a temporary folder");
    for folder in ["images/flavours/keys", "images/base"] {
        std::fs::create_dir_all(root.path().join(folder)).expect("a folder in it");
    }
    std::fs::write(root.path().join("images/flavours/keys/archive.asc"), "a key").expect("a file in it");
    root
});

fn put(path: &str, text: &str) {
    std::fs::write(ROOT.path().join(path), text).expect("a file in it");
}

pub(crate) fn check(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let Ok(text) = str::from_utf8(bytes) else { return };
    match choice.wrapping_sub(b'0') % 4 {
        0 => load(FLAVOUR, text),
        1 => load(text, BASE),
        2 => {
            if let Ok(ledger) = toml::from_str::<Ledger>(text) {
                let again: Ledger = toml::from_str(&ledger.to_text()).expect("a ledger that was written is one");
                assert_eq!(again.to_text(), ledger.to_text());
            }
        }
        _ => {
            put("images/flavours/test12.toml", FLAVOUR);
            put("images/base/image.toml", BASE);
            put("images/test12.lock", text);
            let project = Project::load(ROOT.path(), "test12").expect("a project");
            if let Ok(read) = project.read_lock(&project.lock_path()) {
                put("images/test12.lock", &read.to_text());
                let again = project
                    .read_lock(&project.lock_path())
                    .expect("a lock that was written is one");
                assert_eq!(again.to_text(), read.to_text());
            }
        }
    }
}

fn load(flavour: &str, image: &str) {
    put("images/flavours/test12.toml", flavour);
    put("images/base/image.toml", image);
    if let Ok(project) = Project::load(ROOT.path(), "test12") {
        for image in project.images() {
            assert!(
                image
                    .name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            );
        }
    }
}
