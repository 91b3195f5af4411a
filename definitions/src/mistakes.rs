//! What is wrong with definitions, and where.

use std::fmt;
use std::rc::Rc;

use serde::Serialize;

/// One thing that is wrong in one place of a definition file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mistake {
    /// Name of the file, as it was given or found.
    pub file: String,
    /// Line, from 1; 0 where the mistake is about the whole file.
    pub line: usize,
    /// Column in characters, from 1; 0 where the mistake is about the whole file.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What was probably meant, or what to do.
    pub help: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, help } = self;
        f.write_str(file)?;
        if *line > 0 {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {message}")?;
        help.iter().try_for_each(|help| write!(f, "\n    {help}"))
    }
}

/// Everything that is wrong with a set of definitions, in order of place. Never empty where it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Mistakes {
    list: Vec<Mistake>,
}

impl Mistakes {
    /// The mistakes, sorted by file, line and column.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Mistake> {
        self.list.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none, as there are only before anything was read.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Notes that `message` is the matter at `place`.
    pub(crate) fn add(&mut self, place: &Place, message: impl Into<String>) {
        self.add_with_help(place, message, None);
    }

    /// Notes that `message` is the matter at `place`, and what to do about it.
    pub(crate) fn add_with_help(
        &mut self,
        place: &Place,
        message: impl Into<String>,
        help: impl Into<Option<String>>,
    ) {
        self.list.push(Mistake {
            file: place.file.to_string(),
            line: place.line,
            column: place.column,
            message: message.into(),
            help: help.into(),
        });
    }

    /// `value` if nothing is wrong, else the mistakes in order of place.
    pub(crate) fn or<T>(mut self, value: T) -> Result<T, Self> {
        if self.list.is_empty() {
            return Ok(value);
        }
        self.list.sort();
        self.list.dedup();
        Err(self)
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, mistake) in self.list.iter().enumerate() {
            let end_of_previous = if position == 0 { "" } else { "\n" };
            write!(f, "{end_of_previous}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// A place in a definition file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Name of the file.
    pub file: Rc<str>,
    /// Line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// Column in characters, from 1; 0 for the file as a whole.
    pub column: usize,
}

impl Place {
    /// The file `name` as a whole.
    pub fn whole_file(name: &str) -> Self {
        Self { file: name.into(), line: 0, column: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Words for what was probably meant by `written`, if one of `known` is close to it.
pub(crate) fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let lowered = written.to_lowercase();
    let nearest =
        known.into_iter().map(|name| (strsim::osa_distance(&lowered, &name.to_lowercase()), name)).min()?;
    let (distance, name) = nearest;
    let tolerated = (written.chars().count().max(name.chars().count()) / 3).max(1);
    (distance <= tolerated).then(|| format!("did you mean `{name}`?"))
}

/// `known` for people: `` `a`, `b` or `c` ``.
pub(crate) fn one_of<'a>(known: impl IntoIterator<Item = &'a str>) -> String {
    let mut quoted: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
    let last = quoted.pop().unwrap_or_default();
    if quoted.is_empty() { last } else { format!("{} or {last}", quoted.join(", ")) }
}

/// What was probably meant by `written`, or else all there is to choose from.
pub(crate) fn suggestion<'a, I>(written: &str, known: I) -> Option<String>
where
    I: IntoIterator<Item = &'a str> + Clone,
{
    did_you_mean(written, known.clone()).or_else(|| {
        let all: Vec<&str> = known.into_iter().collect();
        match all.len() {
            0 => None,
            1..=12 => Some(format!("there is {}", one_of(all))),
            many => Some(format!("there are {many}, such as {}", one_of(all.into_iter().take(5)))),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_close_is_meant() {
        let known = ["format", "topic", "order_by"];
        assert_eq!(did_you_mean("fromat", known), Some("did you mean `format`?".to_owned()));
        assert_eq!(did_you_mean("Order_By", known), Some("did you mean `order_by`?".to_owned()));
        assert_eq!(did_you_mean("schema", known), None);
        assert_eq!(suggestion("schema", known), Some("there is `format`, `topic` or `order_by`".to_owned()));
        assert_eq!(suggestion("schema", []), None);
    }

    #[test]
    fn mistakes_are_shown_in_order_of_place_once_each() {
        let place = |file: &str, line| Place { file: file.into(), line, column: 2 };
        let mut mistakes = Mistakes::default();
        mistakes.add(&place("b.yaml", 1), "third");
        mistakes.add(&place("a.yaml", 10), "second");
        mistakes.add_with_help(&place("a.yaml", 9), "first", "do this".to_owned());
        mistakes.add(&place("b.yaml", 1), "third");
        let shown = mistakes.or(()).expect_err("there are mistakes").to_string();
        assert_eq!(shown, "a.yaml:9:2: first\n    do this\na.yaml:10:2: second\nb.yaml:1:2: third");
    }
}
