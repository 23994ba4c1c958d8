//! What Braze tells of a custom attribute. Words are Braze's own: only samples of them are documented.

/// A custom attribute as Braze lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomAttribute {
    /// Its name.
    pub name: String,
    /// Its type, clean: `Number`.
    pub data_type: Option<String>,
    /// Whether it is taken, clean: `Active`.
    pub status: Option<String>,
    /// Elements at most, of an array.
    pub array_length: Option<u64>,
}
