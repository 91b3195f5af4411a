//! The words and signs of an SQL expression.

use crate::harness::Outcome;

/// A word or sign.
#[derive(Clone, Debug, PartialEq)]
pub enum Word {
    /// A keyword or function, in lower case, or a field without quotes as it is written; and that writing.
    Name(String),
    /// A field in double quotes.
    Field(String),
    /// A number.
    Number(String),
    /// A text in single quotes.
    Text(String),
    /// An operator, parenthesis or comma.
    Sign(&'static str),
}

/// Signs, longer ones before those they begin with.
const SIGNS: [&str; 17] =
    ["<=", ">=", "<>", "!=", "<", ">", "=", "+", "-", "*", "/", "(", ")", ",", ".", "[", "]"];

/// Cuts `sql` into words.
///
/// # Errors
/// If something in it is none.
pub fn words(sql: &str) -> Outcome<Vec<Word>> {
    let mut words = Vec::new();
    let mut rest = sql.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, length) = if first.is_ascii_alphabetic() || first == '_' || first == '@' {
            let belongs = |c: char| c.is_alphanumeric() || c == '_' || c == '@';
            let length = length_while(rest, belongs);
            (Word::Name(rest[..length].to_owned()), length)
        } else if first.is_ascii_digit() {
            let length = number_length(rest);
            (Word::Number(rest[..length].to_owned()), length)
        } else if first == '\'' || first == '"' {
            let (text, length) = quoted_text(rest, first).ok_or_else(|| format!("`{sql}` has no end"))?;
            (if first == '"' { Word::Field(text) } else { Word::Text(text) }, length)
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
            let sign = sign.ok_or_else(|| format!("`{first}` in `{sql}`"))?;
            (Word::Sign(sign), sign.len())
        };
        words.push(word);
        rest = rest[length..].trim_start();
    }
    Ok(words)
}

fn length_while(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// The length of a number: digits, a fraction, an exponent.
fn number_length(text: &str) -> usize {
    let mut length = length_while(text, |c| c.is_ascii_digit() || c == '.');
    if let Some(exponent) = text[length..].strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        let digits = length_while(&exponent[sign..], |c| c.is_ascii_digit());
        length += if digits > 0 { 1 + sign + digits } else { 0 };
    }
    length
}

/// What stands in quotes at the beginning of `text`, where a quote within is doubled; and how far it goes.
fn quoted_text(text: &str, quote: char) -> Option<(String, usize)> {
    let mut inside = String::new();
    let mut rest = text[1..].char_indices();
    loop {
        let (place, c) = rest.next()?;
        if c != quote {
            inside.push(c);
        } else if text[place + 2..].starts_with(quote) {
            inside.push(quote);
            rest.next();
        } else {
            return Some((inside, place + 2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_where_they_end() {
        let sign = Word::Sign;
        let name = |text: &str| Word::Name(text.to_owned());
        assert_eq!(
            words("deep.level<=-1.5e-3 and \"odd\"\"name\" <> 'it''s'"),
            Ok(vec![
                name("deep"),
                sign("."),
                name("level"),
                sign("<="),
                sign("-"),
                Word::Number("1.5e-3".to_owned()),
                name("and"),
                Word::Field("odd\"name".to_owned()),
                sign("<>"),
                Word::Text("it's".to_owned()),
            ])
        );
        assert_eq!(words("a || b"), Err("`|` in `a || b`".to_owned()));
        assert_eq!(words("'a"), Err("`'a` has no end".to_owned()));
    }
}
