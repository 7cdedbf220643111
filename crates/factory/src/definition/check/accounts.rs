//! Accounts and groups: well-formed, and each name and each id once in an image and its ancestors.

use std::collections::BTreeMap;

use super::super::{Account, Definition, Group};
use super::{Checked, Fault, absolute, fault, numeric_id};
use crate::failure::closest;

pub(super) fn check(image: &Definition, inherited: &[&Definition]) -> Checked {
    for account in &image.accounts {
        account_form(account)?;
    }
    for Group { name, gid, members } in &image.groups {
        account_name(name)?;
        numeric_id(*gid)?;
        members.iter().try_for_each(|member| account_name(member))?;
    }
    let mut known = Known::default();
    for ancestor in inherited {
        ancestor
            .accounts
            .iter()
            .for_each(|account| known.account(account, &ancestor.name));
        ancestor
            .groups
            .iter()
            .for_each(|group| known.group(group, &ancestor.name));
    }
    for account in &image.accounts {
        known.check_account(account)?;
        known.account(account, &image.name);
    }
    let mut seen: Vec<&str> = Vec::new();
    for group in &image.groups {
        if seen.contains(&group.name.as_str()) {
            return fault(format!("the group `{}` is declared twice", group.name));
        }
        seen.push(&group.name);
        known.check_group(group)?;
        known.group(group, &image.name);
    }
    known.check_members(image)?;
    known.check_own_groups()
}

/// What has been declared so far, and by which image.
#[derive(Default)]
struct Known<'a> {
    accounts: Vec<(&'a Account, &'a str)>,
    groups: BTreeMap<&'a str, (u32, &'a str)>,
}

impl<'a> Known<'a> {
    fn account(&mut self, account: &'a Account, image: &'a str) {
        self.accounts.push((account, image));
    }

    fn group(&mut self, group: &'a Group, image: &'a str) {
        self.groups.insert(&group.name, (group.gid, image));
    }

    fn check_account(&self, new: &Account) -> Checked {
        let same = |(old, _): &&(&Account, &str)| old.name == new.name || old.uid == new.uid;
        let Some((old, image)) = self.accounts.iter().find(same) else {
            return Ok(());
        };
        let what = if old.name == new.name {
            format!("the account `{}`", new.name)
        } else {
            format!("the uid {} of the account `{}`", new.uid, new.name)
        };
        let of = if old.name == new.name {
            String::new()
        } else {
            format!(", for `{}`", old.name)
        };
        fault(format!("{what} is declared already in `{image}`{of}"))
    }

    /// The same group may be declared again, with more members.
    fn check_group(&self, new: &Group) -> Checked {
        for (name, (gid, image)) in &self.groups {
            if (*name == new.name) != (*gid == new.gid) {
                return fault(format!(
                    "the group `{}` with gid {} contradicts `{name}` with gid {gid} in `{image}`",
                    new.name, new.gid
                ));
            }
        }
        Ok(())
    }

    fn check_members(&self, image: &Definition) -> Checked {
        for group in &image.groups {
            for member in &group.members {
                let names = || self.accounts.iter().map(|(account, _)| account.name.as_str());
                if !names().any(|name| name == member) {
                    return Err(Fault {
                        message: format!(
                            "`{member}`, a member of the group `{}`, is no account of this image or its parents",
                            group.name
                        ),
                        hint: closest(member, names()).map(|close| format!("did you mean `{close}`?")),
                    });
                }
            }
        }
        Ok(())
    }

    /// An account whose group nobody declares gets one of its own name, which must be free.
    fn check_own_groups(&self) -> Checked {
        for (account, image) in &self.accounts {
            let declared = self.groups.values().any(|(gid, _)| *gid == account.gid);
            if let Some((gid, _)) = self.groups.get(account.name.as_str())
                && !declared
            {
                return fault(format!(
                    "the account `{}` of `{image}` is in the group {}, which nobody declares, while the group `{}` has gid {gid}",
                    account.name, account.gid, account.name
                ));
            }
        }
        Ok(())
    }
}

fn account_form(account: &Account) -> Checked {
    account_name(&account.name)?;
    numeric_id(account.uid)?;
    numeric_id(account.gid)?;
    absolute(&account.home, "home")?;
    absolute(&account.shell, "shell")?;
    if account.comment.contains([':', '\n']) {
        return fault(format!(
            "the comment of account `{}` contains a colon or a line break",
            account.name
        ));
    }
    Ok(())
}

fn account_name(name: &str) -> Checked {
    let first = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
    if first
        && name.len() <= 32
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_-".contains(letter))
    {
        return Ok(());
    }
    fault(format!("`{name}` is no name of an account or group"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(name: &str, extra: &str) -> Definition {
        toml::from_str(&format!("name = '{name}'\ntitle = ''\ndescription = ''\n{extra}")).unwrap()
    }

    fn account(name: &str, uid: u32, gid: u32) -> String {
        format!("[[account]]\nname = '{name}'\nuid = {uid}\ngid = {gid}\ncomment = ''\nhome = '/x'\nshell = '/x'\n")
    }

    fn group(name: &str, gid: u32, member: &str) -> String {
        let members = if member.is_empty() {
            String::new()
        } else {
            format!("members = ['{member}']\n")
        };
        format!("[[group]]\nname = '{name}'\ngid = {gid}\n{members}")
    }

    #[test]
    fn a_name_or_an_id_stands_once_in_an_image_and_its_ancestors() {
        let base = definition(
            "base",
            &(account("web", 80, 80) + &group("web", 80, "") + &group("mail", 8, "")),
        );
        let table = [
            (account("db", 81, 80), "good"),
            (
                account("web", 81, 81),
                "the account `web` is declared already in `base`",
            ),
            (
                account("db", 80, 81),
                "the uid 80 of the account `db` is declared already in `base`, for `web`",
            ),
            (
                account("a", 5, 5) + &account("b", 5, 6),
                "the uid 5 of the account `b` is declared already in `app`, for `a`",
            ),
            (
                group("web", 81, ""),
                "the group `web` with gid 81 contradicts `web` with gid 80 in `base`",
            ),
            (
                group("www", 80, ""),
                "the group `www` with gid 80 contradicts `web` with gid 80 in `base`",
            ),
            (
                group("a", 5, "") + &group("a", 6, ""),
                "the group `a` is declared twice",
            ),
            (
                group("a", 5, "") + &group("b", 5, ""),
                "the group `b` with gid 5 contradicts `a` with gid 5 in `app`",
            ),
            (group("mail", 8, "web"), "good"),
            (
                group("mail", 8, "wed"),
                "`wed`, a member of the group `mail`, is no account of this image or its parents",
            ),
            (
                account("mail", 9, 9),
                "the account `mail` of `app` is in the group 9, which nobody declares, while the group `mail` has gid 8",
            ),
        ];
        for (extra, expected) in table {
            let said = check(&definition("app", &extra), &[&base]);
            assert_eq!(
                said.map_or_else(|fault| fault.message, |()| "good".to_owned()),
                expected,
                "{extra}"
            );
        }
    }
}
