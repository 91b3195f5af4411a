//! Schemas, compiled, and the fields of a message.

use std::sync::Arc;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use thalweg_core::FieldType;

use crate::format::{Field, FormatError};
use crate::registry::{RegisteredSchema, SchemaKind, SchemaReference};

/// How deep messages may lie in each other.
const NESTED_MESSAGES: usize = 64;
/// How many fields a message may have, those of messages within it among them.
const UNFOLDED_FIELDS: usize = 100_000;
/// Stack for compiling, in bytes: the compiler recurses as deep as the text has it.
const STACK_BYTES: usize = 64 << 20;
/// The name of a file that has none.
pub(super) const NAMELESS: &str = "schema.proto";

/// A message of a schema, checked.
#[derive(Clone, Debug)]
pub struct ProtobufSchema(Arc<Checked>);

#[derive(Debug)]
struct Checked {
    texts: String,
    message: MessageDescriptor,
    fields: Vec<Field>,
}

/// Schemas are equal when their texts and messages are.
impl PartialEq for ProtobufSchema {
    fn eq(&self, other: &Self) -> bool {
        (&self.0.texts, self.0.message.full_name()) == (&other.0.texts, other.0.message.full_name())
    }
}

impl Eq for ProtobufSchema {}

impl ProtobufSchema {
    /// Compiles the schema of the file `text` and those it imports, each by the name it is imported by; and takes the message
    /// called `message`, or else the only one that the file has.
    ///
    /// # Errors
    /// What is wrong with the schema, or that it has no such message.
    pub fn compile(
        text: &str,
        imports: &[SchemaReference],
        message: Option<&str>,
    ) -> Result<Self, FormatError> {
        let pool = compiled(text, imports)?;
        let message = match message {
            Some(name) => pool.get_message_by_name(name).ok_or_else(|| FormatError::NoSuchMessage {
                message: name.to_owned(),
                known: names(&pool),
            })?,
            None => only_message(&pool)?,
        };
        let mut walk = Walk { fields: Vec::new(), around: Vec::new(), seen: 0 };
        walk.visit(&message, "").map_err(|cause| FormatError::BrokenProtobuf { cause })?;
        let texts = imports.iter().fold(text.to_owned(), |all, import| all + "\n" + &import.text);
        Ok(Self(Arc::new(Checked { texts, message, fields: walk.fields })))
    }

    /// Compiles a schema as a registry has it.
    ///
    /// # Errors
    /// As [`compile`](Self::compile), and if it is written in another language.
    pub fn registered(schema: &RegisteredSchema, message: Option<&str>) -> Result<Self, FormatError> {
        if schema.kind != SchemaKind::Protobuf {
            return Err(FormatError::BrokenProtobuf { cause: format!("it is {}", schema.kind) });
        }
        Self::compile(&schema.text, &schema.references, message)
    }

    /// The texts of the schema and of those it imports.
    pub fn texts(&self) -> &str {
        &self.0.texts
    }

    /// The full name of the message.
    pub fn message(&self) -> &str {
        self.0.message.full_name()
    }

    /// The fields a definition may use, by path, in the order of their numbers.
    pub fn fields(&self) -> Vec<Field> {
        self.0.fields.clone()
    }

    /// What is known of the message.
    pub(super) fn descriptor(&self) -> &MessageDescriptor {
        &self.0.message
    }

    /// Refuses fields that the message has not, or of another type.
    pub(super) fn check_fields(&self, asked: &[Field]) -> Result<(), FormatError> {
        for field in asked.iter().filter(|field| !field.is_outside_value()) {
            let known = self.0.fields.iter().find(|known| known.name == field.name);
            if known.is_none_or(|known| known.field_type != field.field_type) {
                let known: Vec<&str> = self.0.fields.iter().map(|known| known.name.as_str()).collect();
                return Err(FormatError::NoSuchField { field: field.name.clone(), known: known.join(", ") });
            }
        }
        Ok(())
    }
}

/// What is known of a schema.
///
/// # Errors
/// What is wrong with it.
pub(super) fn compiled(text: &str, imports: &[SchemaReference]) -> Result<DescriptorPool, FormatError> {
    let broken = |cause: String| FormatError::BrokenProtobuf { cause };
    let compile = || {
        let mut resolver = ChainFileResolver::new();
        resolver.add(Texts { text: text.to_owned(), imports: imports.to_vec() });
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_imports(true);
        compiler.open_file(NAMELESS).map_err(|error| error.to_string())?;
        Ok::<_, String>(compiler.descriptor_pool())
    };
    on_a_large_stack(compile).and_then(|compiled| compiled).map_err(broken)
}

/// Does what recurses as deep as the text of a schema has it.
///
/// # Errors
/// If there is no memory for that.
fn on_a_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => Err(format!("no thread could be started to compile it ({error})")),
        }
    })
}

/// The names of the files that a schema imports, but for those that everybody has.
///
/// # Errors
/// If the text is no Protobuf schema.
pub fn protobuf_imports(text: &str) -> Result<Vec<String>, FormatError> {
    let broken = |cause: String| FormatError::BrokenProtobuf { cause };
    let parse = || File::from_source(NAMELESS, text).map_err(|error| broken(error.to_string()));
    let file = on_a_large_stack(parse).map_err(broken)??;
    let imports = file.file_descriptor_proto().dependency.iter();
    Ok(imports.filter(|name| !name.starts_with("google/protobuf/")).cloned().collect())
}

fn only_message(pool: &DescriptorPool) -> Result<MessageDescriptor, FormatError> {
    let file = pool.get_file_by_name(NAMELESS);
    let mut messages = file.iter().flat_map(|file| file.messages());
    match (messages.next(), messages.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(FormatError::NoSuchMessage { message: String::new(), known: names(pool) }),
    }
}

fn names(pool: &DescriptorPool) -> String {
    let file = pool.get_file_by_name(NAMELESS);
    let messages = file.iter().flat_map(|file| file.messages().collect::<Vec<_>>());
    messages.map(|message| message.full_name().to_owned()).collect::<Vec<_>>().join(", ")
}

/// The files of a schema.
struct Texts {
    text: String,
    imports: Vec<SchemaReference>,
}

impl FileResolver for Texts {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let import = || self.imports.iter().find(|import| import.name == name);
        match (name, import()) {
            (_, Some(import)) => File::from_source(name, &import.text),
            (NAMELESS, None) => File::from_source(name, &self.text),
            _ => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// A visit to all fields of a message.
struct Walk {
    fields: Vec<Field>,
    /// Names of the messages the visit is inside of.
    around: Vec<String>,
    seen: usize,
}

impl Walk {
    fn visit(&mut self, message: &MessageDescriptor, prefix: &str) -> Result<(), String> {
        if self.around.len() == NESTED_MESSAGES {
            return Err(format!("its messages lie more than {NESTED_MESSAGES} deep in each other"));
        }
        if self.around.iter().any(|around| around == message.full_name()) {
            return Ok(());
        }
        self.around.push(message.full_name().to_owned());
        for field in message.fields() {
            self.seen += 1;
            if self.seen > UNFOLDED_FIELDS {
                return Err(format!(
                    "it has more than {UNFOLDED_FIELDS} fields, those of its messages counted"
                ));
            }
            let path = format!("{prefix}{}", field.name());
            match Single::of(&field) {
                Some(Single::Message(inner)) => self.visit(&inner, &format!("{path}."))?,
                Some(single) => self.fields.push(Field::new(path, single.field_type())),
                None => {}
            }
        }
        self.around.pop();
        Ok(())
    }
}

/// A field that has one value.
pub(super) enum Single {
    /// Of a type of its own.
    Scalar(Kind),
    /// An instant.
    Timestamp,
    /// A value in a message of its own, which may be missing.
    Wrapped(Kind),
    /// A message with fields.
    Message(MessageDescriptor),
}

impl Single {
    /// What a field is, if it has one value; lists, maps and groups have not.
    pub(super) fn of(field: &FieldDescriptor) -> Option<Self> {
        if field.is_list() || field.is_map() || field.is_group() {
            return None;
        }
        Some(match field.kind() {
            Kind::Message(message) => match message.full_name() {
                "google.protobuf.Timestamp" => Self::Timestamp,
                name if is_wrapper(name) => Self::Wrapped(message.get_field(1)?.kind()),
                _ => Self::Message(message),
            },
            kind => Self::Scalar(kind),
        })
    }

    /// The type of its column; a message has none, and is asked in vain.
    fn field_type(&self) -> FieldType {
        match self {
            Self::Timestamp => FieldType::Timestamp,
            Self::Scalar(kind) | Self::Wrapped(kind) => match kind {
                Kind::Double => FieldType::Float64,
                Kind::Float => FieldType::Float32,
                Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => FieldType::Int32,
                Kind::Bool => FieldType::Bool,
                Kind::String | Kind::Enum(_) => FieldType::String,
                Kind::Bytes | Kind::Message(_) => FieldType::Binary,
                _ => FieldType::Int64,
            },
            Self::Message(_) => FieldType::Binary,
        }
    }
}

fn is_wrapper(name: &str) -> bool {
    const WRAPPED: [&str; 9] =
        ["Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes"];
    let wrapped = name.strip_prefix("google.protobuf.").and_then(|name| name.strip_suffix("Value"));
    wrapped.is_some_and(|wrapped| WRAPPED.contains(&wrapped))
}
