//! Values with their origin.

use crate::diag::FieldPath;
use serde::Serialize;
use std::ops::Deref;

/// A value and its [`Origin`]. Two of them are equal if their values are.
#[derive(Debug, Clone, Copy)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Its origin.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Written on this host, VM or interface.
    Written(Place),
    /// Written under `defaults`.
    Default(Place),
    /// The default in `built_in.toml`.
    BuiltIn,
    /// The fact of this name.
    Fact(&'static str),
    /// Derived from these other values.
    Derived(&'static str),
    /// A default that stands in for a written value that is not valid.
    StandIn(Place),
}

/// Where in a definition a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The table.
    pub scope: Scope,
    /// The key in it; with dots for inner tables (`os.type`).
    pub key: &'static str,
    /// The index, for items of a list.
    pub item: Option<u32>,
}

/// A table of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// The top level.
    Host,
    /// `defaults`.
    Defaults,
    /// `vms[i]`.
    Vm(u32),
    /// `vms[i].interfaces[j]`.
    Interface(u32, u32),
    /// `vms[i].volumes[j]`.
    Volume(u32, u32),
}

impl Scope {
    /// The table's path.
    pub fn path(self) -> FieldPath {
        let vm = |number: u32| FieldPath::root().key("vms").index(number as usize);
        match self {
            Self::Host => FieldPath::root(),
            Self::Defaults => FieldPath::root().key("defaults"),
            Self::Vm(number) => vm(number),
            Self::Interface(number, devid) => vm(number).key("interfaces").index(devid as usize),
            Self::Volume(number, volume) => vm(number).key("volumes").index(volume as usize),
        }
    }

    /// A key in the table.
    pub const fn key(self, key: &'static str) -> Place {
        Place {
            scope: self,
            key,
            item: None,
        }
    }
}

impl Place {
    /// The path.
    pub fn path(self) -> FieldPath {
        let path = self.key.split('.').fold(self.scope.path(), FieldPath::key);
        match self.item {
            Some(item) => path.index(item as usize),
            None => path,
        }
    }
}

impl<T> Sourced<T> {
    /// A written value.
    pub const fn written(value: T, place: Place) -> Self {
        Self {
            value,
            origin: Origin::Written(place),
        }
    }

    /// A host setting: as written, or else the built-in default.
    pub(crate) fn setting(
        key: &'static str,
        written: Option<&T>,
        built_in: Option<&T>,
    ) -> Option<Self>
    where
        T: Clone,
    {
        if let Some(value) = written {
            return Some(Self::written(value.clone(), Scope::Host.key(key)));
        }
        Some(Self {
            value: built_in?.clone(),
            origin: Origin::BuiltIn,
        })
    }

    /// A host setting that has a built-in default.
    pub(crate) fn required_setting(
        key: &'static str,
        written: Option<&T>,
        built_in: Option<&T>,
    ) -> Self
    where
        T: Clone,
    {
        Self::setting(key, written, built_in)
            .unwrap_or_else(|| unreachable!("the built-in settings have `{key}`"))
    }

    /// A value derived from others.
    pub const fn derived(value: T, from: &'static str) -> Self {
        Self {
            value,
            origin: Origin::Derived(from),
        }
    }

    /// Whether the value is intended, and not the stand-in for one that is not valid.
    pub const fn is_meant(&self) -> bool {
        !matches!(self.origin, Origin::StandIn(_))
    }

    /// Converts the value and keeps its origin.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced {
            value: change(self.value),
            origin: self.origin,
        }
    }

    /// The path for diagnostics about the value: where it is written, or else `fallback`.
    pub fn path_or(&self, fallback: Place) -> FieldPath {
        self.place_or(fallback).path()
    }

    /// Like [`path_or`](Self::path_or), but returns a [`Place`].
    pub const fn place_or(&self, fallback: Place) -> Place {
        match self.origin {
            Origin::Written(place) | Origin::Default(place) | Origin::StandIn(place) => place,
            Origin::BuiltIn | Origin::Fact(_) | Origin::Derived(_) => fallback,
        }
    }
}

impl<T> Deref for Sourced<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Sourced<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Sourced<T> {}

impl<T: Serialize> Serialize for Sourced<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}
