//! `comps.xml`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qclock_packages::rpm::Comps;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(comps) = Comps::parse(bytes) {
        assert!(comps.groups.iter().all(|group| !group.id.is_empty()));
        assert!(
            comps
                .groups
                .iter()
                .flat_map(|group| &group.members)
                .all(|member| !member.name.is_empty())
        );
        // Joined with itself it says the same.
        let mut twice = comps.clone();
        twice.add(comps.clone());
        assert_eq!(twice.groups.len(), comps.groups.len());
        // Patterns are hostile, too.
        let _ = comps.groups_like("*a*b*c*d*").len() + comps.environments_like("[!x]*").len();
    }
});
