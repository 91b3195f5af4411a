//! What a datum looks like: a schema with its names resolved.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{Alias, DecimalSchema, InnerDecimalSchema, Name, UuidSchema};
use thalweg_core::FieldType;

use super::canonical::namespace_of;
use crate::format::Field;

/// How many types a schema may have when every name in it is replaced by what it stands for.
const UNFOLDED_TYPES: usize = 100_000;
/// How deep types may lie in each other, in a schema and in a datum of a recursive one.
pub(super) const NESTED_TYPES: usize = 512;

/// Where a shape is in [`Shapes`].
pub(super) type ShapeId = usize;

/// All shapes of a schema; the first is the record itself.
#[derive(Debug)]
pub(super) struct Shapes(Vec<Shape>);

/// How one type is written, and which logical type of it columns know.
#[derive(Debug)]
pub(super) enum Shape {
    Null,
    Boolean,
    Int,
    /// An int of days since the epoch.
    Date,
    Long,
    /// A long of so many units per second since the epoch.
    Timestamp(TimestampUnit),
    Float,
    Double,
    Bytes,
    String,
    Fixed {
        name: TypeName,
        size: usize,
    },
    Enum {
        name: TypeName,
        symbols: Vec<String>,
        /// What a symbol is read as that is none of these.
        default: Option<String>,
    },
    Record {
        name: TypeName,
        fields: Vec<RecordField>,
    },
    Array(ShapeId),
    Map(ShapeId),
    Union(Vec<ShapeId>),
}

/// What a timestamp counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum TimestampUnit {
    Millis,
    Micros,
    Nanos,
}

/// The names of a type that has one.
#[derive(Debug)]
pub(super) struct TypeName {
    /// The name with its namespace.
    pub(super) full: String,
    /// Other full names, which it goes by where it is read as.
    pub(super) aliases: Vec<String>,
}

impl TypeName {
    /// Whether a type of the name `written` can be read as one of this name: namespaces do not matter.
    pub(super) fn answers_to(&self, written: &Self) -> bool {
        let short = |name: &str| name.rsplit('.').next().map(str::to_owned);
        short(&self.full) == short(&written.full)
            || self.aliases.iter().any(|alias| short(alias) == short(&written.full))
    }
}

/// A field of a record.
#[derive(Debug)]
pub(super) struct RecordField {
    pub(super) name: String,
    /// Other names, which it goes by where it is read as.
    pub(super) aliases: Vec<String>,
    pub(super) shape: ShapeId,
    pub(super) default: Option<serde_json::Value>,
}

/// A type that may be null besides: a union of null and one other type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nullable {
    pub(super) inner: ShapeId,
    /// Number of the branch that is null: 0 or 1. The other is the value's.
    pub(super) null_branch: u8,
}

impl Shape {
    /// The type of columns that hold such values, if there is one. A logical type that columns do not know
    /// counts as the type under it, as the specification says.
    pub(super) fn field_type(&self) -> Option<FieldType> {
        Some(match self {
            Self::Boolean => FieldType::Bool,
            Self::Int => FieldType::Int32,
            Self::Date => FieldType::Date,
            Self::Long => FieldType::Int64,
            Self::Timestamp(_) => FieldType::Timestamp,
            Self::Float => FieldType::Float32,
            Self::Double => FieldType::Float64,
            Self::Bytes | Self::Fixed { .. } => FieldType::Binary,
            Self::String | Self::Enum { .. } => FieldType::String,
            Self::Null | Self::Record { .. } | Self::Array(_) | Self::Map(_) | Self::Union(_) => return None,
        })
    }

    /// Avro's name of the type.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int | Self::Date => "int",
            Self::Long | Self::Timestamp(_) => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Fixed { .. } => "fixed",
            Self::Enum { .. } => "enum",
            Self::Record { .. } => "record",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
        }
    }

    /// Avro's name of the type with what it is about.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Date => "int (a date)".to_owned(),
            Self::Timestamp(_) => "long (a timestamp)".to_owned(),
            Self::Fixed { name, size } => format!("fixed {} of {size} bytes", name.full),
            Self::Enum { name, .. } => format!("enum {}", name.full),
            Self::Record { name, .. } => format!("record {}", name.full),
            other => other.name().to_owned(),
        }
    }
}

impl Shapes {
    /// Number of the record itself.
    pub(super) const ROOT: ShapeId = 0;

    /// The shapes of a parsed schema, which may name types of `others`.
    ///
    /// # Errors
    /// If a name stands for nothing, in words.
    pub(super) fn new(schema: &Schema, others: &[Schema]) -> Result<Self, String> {
        let others = others.iter().filter_map(|other| Some((other.name()?.fullname(None), other))).collect();
        let mut builder = Builder { shapes: Vec::new(), named: HashMap::new(), others };
        builder.shape(schema, None)?;
        Ok(Self(builder.shapes))
    }

    /// The shape of this number.
    pub(super) fn get(&self, id: ShapeId) -> &Shape {
        &self.0[id]
    }

    /// The two branches of a union that is null or one other type.
    pub(super) fn nullable(&self, id: ShapeId) -> Option<Nullable> {
        let Shape::Union(branches) = self.get(id) else { return None };
        let [first, second] = branches.as_slice() else { return None };
        match (self.get(*first), self.get(*second)) {
            (Shape::Null, Shape::Null) => None,
            (Shape::Null, _) => Some(Nullable { inner: *second, null_branch: 0 }),
            (_, Shape::Null) => Some(Nullable { inner: *first, null_branch: 1 }),
            _ => None,
        }
    }

    /// The fields that columns can hold, by path.
    ///
    /// # Errors
    /// If the schema holds itself without a way out, or unfolds to something too large, in words.
    pub(super) fn fields(&self) -> Result<Vec<Field>, String> {
        let mut walk = Walk { shapes: self, fields: Vec::new(), records: Vec::new(), types: 0, depth: 0 };
        walk.visit(Self::ROOT, Some(""), 0)?;
        Ok(walk.fields)
    }
}

/// Turns a schema into shapes.
struct Builder<'s> {
    shapes: Vec<Shape>,
    named: HashMap<String, ShapeId>,
    /// Schemas that are looked into where a name is not known yet.
    others: HashMap<String, &'s Schema>,
}

impl Builder<'_> {
    fn shape(&mut self, schema: &Schema, namespace: Option<&str>) -> Result<ShapeId, String> {
        if let Schema::Ref { name } = schema {
            let full_name = name.fullname(namespace);
            return match (self.named.get(&full_name), self.others.remove(&full_name)) {
                (Some(known), _) => Ok(*known),
                (None, Some(other)) => self.shape(other, None),
                (None, None) => Err(format!("there is no type {full_name}")),
            };
        }
        // The number is given before what lies inside is looked at, so that the outermost is the first, and a
        // record can be named inside of itself.
        let id = self.shapes.len();
        self.shapes.push(Shape::Null);
        self.shapes[id] = match schema {
            Schema::Null | Schema::Ref { .. } => Shape::Null,
            Schema::Boolean => Shape::Boolean,
            Schema::Int | Schema::TimeMillis => Shape::Int,
            Schema::Date => Shape::Date,
            Schema::Long | Schema::TimeMicros => Shape::Long,
            Schema::TimestampMillis | Schema::LocalTimestampMillis => Shape::Timestamp(TimestampUnit::Millis),
            Schema::TimestampMicros | Schema::LocalTimestampMicros => Shape::Timestamp(TimestampUnit::Micros),
            Schema::TimestampNanos | Schema::LocalTimestampNanos => Shape::Timestamp(TimestampUnit::Nanos),
            Schema::Float => Shape::Float,
            Schema::Double => Shape::Double,
            Schema::Bytes
            | Schema::BigDecimal
            | Schema::Uuid(UuidSchema::Bytes)
            | Schema::Decimal(DecimalSchema { inner: InnerDecimalSchema::Bytes, .. }) => Shape::Bytes,
            Schema::String | Schema::Uuid(UuidSchema::String) => Shape::String,
            Schema::Fixed(fixed)
            | Schema::Duration(fixed)
            | Schema::Uuid(UuidSchema::Fixed(fixed))
            | Schema::Decimal(DecimalSchema { inner: InnerDecimalSchema::Fixed(fixed), .. }) => {
                let name = self.name(&fixed.name, fixed.aliases.as_deref(), namespace, id);
                Shape::Fixed { name, size: fixed.size }
            }
            Schema::Enum(symbols) => {
                let name = self.name(&symbols.name, symbols.aliases.as_deref(), namespace, id);
                Shape::Enum { name, symbols: symbols.symbols.clone(), default: symbols.default.clone() }
            }
            Schema::Array(array) => Shape::Array(self.shape(&array.items, namespace)?),
            Schema::Map(map) => Shape::Map(self.shape(&map.types, namespace)?),
            Schema::Union(union) => Shape::Union(
                union.variants().iter().map(|v| self.shape(v, namespace)).collect::<Result<_, _>>()?,
            ),
            Schema::Record(record) => {
                let name = self.name(&record.name, record.aliases.as_deref(), namespace, id);
                let inside = namespace_of(&name.full).map(str::to_owned);
                let field = |f: &apache_avro::schema::RecordField| {
                    let shape = self.shape(&f.schema, inside.as_deref())?;
                    let (name, aliases) = (f.name.clone(), f.aliases.clone());
                    Ok(RecordField { name, aliases, shape, default: f.default.clone() })
                };
                let fields = record.fields.iter().map(field).collect::<Result<_, String>>()?;
                Shape::Record { name, fields }
            }
        };
        Ok(id)
    }

    fn name(
        &mut self,
        name: &Name,
        aliases: Option<&[Alias]>,
        namespace: Option<&str>,
        id: ShapeId,
    ) -> TypeName {
        let full = name.fullname(namespace);
        self.named.insert(full.clone(), id);
        let aliases = aliases.unwrap_or_default().iter().map(|alias| alias.fullname(namespace_of(&full)));
        TypeName { aliases: aliases.collect(), full }
    }
}

/// A visit to everything in a schema, with names replaced by what they stand for.
struct Walk<'a> {
    shapes: &'a Shapes,
    fields: Vec<Field>,
    /// The records the visit is inside of.
    records: Vec<ShapeId>,
    types: usize,
    depth: usize,
}

impl Walk<'_> {
    /// Visits a type that has the path `path`, if fields inside of it have one. Of the records around it
    /// those from `direct` on are not left by choosing another branch of a union, or an empty array or map.
    fn visit(&mut self, id: ShapeId, path: Option<&str>, direct: usize) -> Result<(), String> {
        self.types += 1;
        if self.types > UNFOLDED_TYPES {
            return Err(format!("with its names replaced it unfolds to more than {UNFOLDED_TYPES} types"));
        }
        if self.depth == NESTED_TYPES {
            return Err(format!("its types lie more than {NESTED_TYPES} deep in each other"));
        }
        self.depth += 1;
        let shapes = self.shapes;
        let indirect = self.records.len();
        match shapes.get(id) {
            Shape::Record { name, fields } => {
                if let Some(around) = self.records.iter().position(|record| *record == id) {
                    if around >= direct {
                        return Err(format!(
                            "record {} holds itself, so its datums would never end",
                            name.full
                        ));
                    }
                } else {
                    self.records.push(id);
                    for field in fields {
                        let path = path.map(|path| match path {
                            "" => field.name.clone(),
                            path => format!("{path}.{}", field.name),
                        });
                        self.visit(field.shape, path.as_deref(), direct)?;
                    }
                    self.records.pop();
                }
            }
            Shape::Array(inner) | Shape::Map(inner) => self.visit(*inner, None, indirect)?,
            Shape::Union(branches) => {
                let nullable = shapes.nullable(id);
                for branch in branches {
                    let path = path.filter(|_| nullable.is_some_and(|nullable| nullable.inner == *branch));
                    self.visit(*branch, path, indirect)?;
                }
            }
            leaf => {
                if let (Some(path), Some(field_type)) = (path, leaf.field_type()) {
                    self.fields.push(Field::new(path, field_type));
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }
}
