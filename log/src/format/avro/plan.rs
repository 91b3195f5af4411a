//! How datums of one schema are read as those of another, compiled once: Avro's schema resolution.

use std::collections::HashMap;

use super::default::write_default;
use super::leaf::Leaf;
use super::shape::{RecordField, Shape, ShapeId, Shapes, TypeName};
use crate::format::Field;

/// Position of a node in its plan.
pub(super) type NodeId = usize;

/// What to do with the values of a datum, from the outermost one on.
#[derive(Debug)]
pub(super) struct Plan {
    nodes: Vec<Node>,
}

/// What to do with the next value of a datum.
#[derive(Debug)]
pub(super) enum Node {
    /// Read it, and put it into the columns of these numbers: most often one or none.
    Leaf(Leaf, Vec<usize>),
    /// Read its fields, as they were written, then the defaults of those that were not.
    Record {
        /// Name and value of each field that was written.
        fields: Vec<(String, NodeId)>,
        /// Name, default as a datum of its own, and what to do with that.
        defaults: Vec<(String, Vec<u8>, NodeId)>,
        /// The column, if there is one, that says that the record is there.
        mark: Option<usize>,
    },
    /// Read the branch that was written.
    Union(Vec<NodeId>),
    /// Read the items of an array.
    Items(NodeId),
    /// Read the names and values of a map.
    Entries(NodeId),
    /// Go no further: the reader has no such value. Values that no datum has do no harm.
    Refuse(String),
}

impl Plan {
    /// The outermost node.
    pub(super) const ROOT: NodeId = 0;

    /// How datums of `written` are read as records of `read`, field `i` into column `i`. The fields are those of the
    /// schema that is read.
    pub(super) fn new(written: &Shapes, read: &Shapes, fields: &[Field]) -> Self {
        let mut planner = Planner { written, read, fields, nodes: Vec::new(), known: HashMap::new() };
        planner.node(At::written(Shapes::ROOT), At::read(Shapes::ROOT), Some(""));
        Self { nodes: planner.nodes }
    }

    /// The node of this number.
    pub(super) fn get(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }
}

/// A type of one of the two schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct At {
    is_written: bool,
    id: ShapeId,
}

impl At {
    fn written(id: ShapeId) -> Self {
        Self { is_written: true, id }
    }

    fn read(id: ShapeId) -> Self {
        Self { is_written: false, id }
    }

    /// Another type of the same schema.
    fn to(self, id: ShapeId) -> Self {
        Self { id, ..self }
    }
}

/// How well a type that is read fits one that was written. The best of a union's branches is taken, the first one of
/// equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// Records of different names.
    Alike,
    Promoted,
    SameKind,
    Same,
}

struct Planner<'a> {
    written: &'a Shapes,
    read: &'a Shapes,
    fields: &'a [Field],
    nodes: Vec<Node>,
    /// The nodes that fill no columns, which are the same wherever their types stand.
    known: HashMap<(At, At), NodeId>,
}

impl<'a> Planner<'a> {
    /// The node of a value that was written as `written` and is read as `read`, at `path` if columns may hold it or
    /// what lies inside of it.
    fn node(&mut self, written: At, read: At, path: Option<&str>) -> NodeId {
        let path = path.filter(|path| holds_any(path, self.fields) || self.column(path).is_some());
        if path.is_none()
            && let Some(known) = self.known.get(&(written, read))
        {
            return *known;
        }
        // The number is given before what lies inside is looked at, so that the outermost is the first, and a record can
        // be inside of itself.
        let id = self.nodes.len();
        self.nodes.push(Node::Refuse(String::new()));
        if path.is_none() {
            self.known.insert((written, read), id);
        }
        self.nodes[id] = self.resolve(written, read, path);
        id
    }

    fn resolve(&mut self, written: At, read: At, path: Option<&str>) -> Node {
        match (self.shape(written), self.shape(read)) {
            (Shape::Union(branches), _) => Node::Union(
                branches.iter().map(|branch| self.node(written.to(*branch), read, path)).collect(),
            ),
            (_, Shape::Union(branches)) => {
                let fits = |branch: &'a ShapeId| Some((self.fit(written, read.to(*branch))?, *branch));
                let best = branches.iter().filter_map(fits).reduce(|a, b| if b.0 > a.0 { b } else { a });
                let Some((_, branch)) = best else { return self.refusal(written, read) };
                let shapes = if read.is_written { self.written } else { self.read };
                let holds_column = shapes.nullable(read.id).is_some_and(|nullable| nullable.inner == branch);
                // Chosen once, so that a node stands for the union and for its branch alike.
                self.resolve(written, read.to(branch), path.filter(|_| holds_column))
            }
            (Shape::Record { fields, .. }, Shape::Record { fields: wanted, .. }) => {
                self.record((written, fields), (read, wanted), path)
            }
            (Shape::Array(items), Shape::Array(wanted)) => {
                Node::Items(self.node(written.to(*items), read.to(*wanted), None))
            }
            (Shape::Map(values), Shape::Map(wanted)) => {
                Node::Entries(self.node(written.to(*values), read.to(*wanted), None))
            }
            (written_as, read_as) => match Leaf::new(written_as, read_as) {
                Some(leaf) => Node::Leaf(leaf, path.map(|path| self.columns(path)).unwrap_or_default()),
                None => self.refusal(written, read),
            },
        }
    }

    fn record(
        &mut self,
        (written, fields): (At, &'a [RecordField]),
        (read, wanted): (At, &'a [RecordField]),
        path: Option<&str>,
    ) -> Node {
        let inside = |name: &str| match path? {
            "" => Some(name.to_owned()),
            path => Some(format!("{path}.{name}")),
        };
        // Which of the fields that were written each wanted one takes: that of its name, else that of an alias.
        let mut taken: Vec<Option<&RecordField>> = vec![None; fields.len()];
        let mut defaults = Vec::new();
        let named = |name: &str| fields.iter().position(|field| field.name == name);
        for field in wanted {
            let own = named(&field.name);
            let place = own.or_else(|| field.aliases.iter().find_map(|alias| named(alias)));
            let is_another =
                |place: &usize| own.is_none() && wanted.iter().any(|w| w.name == fields[*place].name);
            match place.filter(|place| !is_another(place) && taken[*place].is_none()) {
                Some(place) => taken[place] = Some(field),
                None => match self.default(read, field, inside(&field.name).as_deref()) {
                    Ok(default) => defaults.extend(default),
                    Err(why) => return Node::Refuse(why),
                },
            }
        }
        let fields = fields.iter().zip(taken).map(|(field, taken)| match taken {
            Some(wanted) => {
                let path = inside(&wanted.name);
                let node = self.node(written.to(field.shape), read.to(wanted.shape), path.as_deref());
                (wanted.name.clone(), node)
            }
            None => {
                let ignored = written.to(field.shape);
                (field.name.clone(), self.node(ignored, ignored, None))
            }
        });
        let fields = fields.collect();
        Node::Record { fields, defaults, mark: path.and_then(|path| self.column(path)) }
    }

    /// What stands for a field that was not written: its default, where a column may hold it.
    fn default(
        &mut self,
        record: At,
        field: &RecordField,
        path: Option<&str>,
    ) -> Result<Option<(String, Vec<u8>, NodeId)>, String> {
        let missing = || {
            format!("no field `{}` was written, and the source's schema has no default for it", field.name)
        };
        let default = field.default.as_ref().ok_or_else(missing)?;
        let mut bytes = Vec::new();
        let shapes = if record.is_written { self.written } else { self.read };
        write_default(shapes, field.shape, default, &mut bytes)
            .map_err(|why| format!("field `{}`: {why}", field.name))?;
        let path = path.filter(|path| holds_any(path, self.fields) || self.column(path).is_some());
        let at = record.to(field.shape);
        Ok(path.map(|path| (field.name.clone(), bytes, self.node(at, at, Some(path)))))
    }

    fn fit(&self, written: At, read: At) -> Option<Fit> {
        let named = |name: &TypeName, other: &TypeName| {
            if name.full == other.full {
                Fit::Same
            } else if other.answers_to(name) {
                Fit::SameKind
            } else {
                Fit::Alike
            }
        };
        match (self.shape(written), self.shape(read)) {
            (Shape::Record { name, .. }, Shape::Record { name: other, .. }) => Some(named(name, other)),
            (Shape::Array(_), Shape::Array(_)) | (Shape::Map(_), Shape::Map(_)) => Some(Fit::Same),
            (written, read) => {
                Leaf::new(written, read)?;
                Some(match (written, read) {
                    (Shape::Fixed { name, .. }, Shape::Fixed { name: other, .. })
                    | (Shape::Enum { name, .. }, Shape::Enum { name: other, .. }) => named(name, other),
                    (Shape::Timestamp(_) | Shape::Long, Shape::Timestamp(_) | Shape::Long)
                    | (Shape::Int | Shape::Date, Shape::Int | Shape::Date) => Fit::Same,
                    (written, read) if written.name() == read.name() => Fit::Same,
                    _ => Fit::Promoted,
                })
            }
        }
    }

    fn refusal(&self, written: At, read: At) -> Node {
        let (written, read) = (self.shape(written), self.shape(read));
        Node::Refuse(format!(
            "it was written as {}, which cannot be read as {}",
            written.words(),
            read.words()
        ))
    }

    fn shape(&self, at: At) -> &'a Shape {
        if at.is_written { self.written.get(at.id) } else { self.read.get(at.id) }
    }

    fn column(&self, path: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == path)
    }

    /// All columns of a path, which may be asked for under several names.
    fn columns(&self, path: &str) -> Vec<usize> {
        let fields = self.fields.iter().enumerate();
        fields.filter(|(_, field)| field.name == path).map(|(column, _)| column).collect()
    }
}

/// Whether some field lies inside the record at `path`.
pub(super) fn holds_any(path: &str, fields: &[Field]) -> bool {
    path.is_empty()
        || fields.iter().any(|field| field.name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}
