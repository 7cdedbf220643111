//! Texts with `${NAME}` in them.

/// The template with every `${NAME}` replaced: `value` writes what stands for the name.  What it writes is not looked at again.
///
/// # Errors
/// Those of `value`, and `open` for a `${` without a `}` behind it.
pub fn fill_in<E>(
    template: &str,
    open: impl Fn() -> E,
    mut value: impl FnMut(&str, &mut String) -> Result<(), E>,
) -> Result<String, E> {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        let (name, behind) = after.split_once('}').ok_or_else(&open)?;
        value(name, &mut text)?;
        rest = behind;
    }
    text.push_str(rest);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_once() {
        let twice = |name: &str, to: &mut String| {
            to.push_str(&format!("${{{name}}}{name}"));
            Ok(())
        };
        let filled = |text: &str| fill_in(text, || "open", twice);
        assert_eq!(filled("a ${B} $c ${}"), Ok("a ${B}B $c ${}".to_owned()));
        assert_eq!(filled("${B"), Err("open"));
        assert_eq!(filled(""), Ok(String::new()));
        assert_eq!(fill_in("${x}", || "open", |_, _| Err("unknown")), Err("unknown"));
    }
}
