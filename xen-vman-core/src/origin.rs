//! Values that know where they come from.

use crate::diag::FieldPath;
use serde::Serialize;
use std::ops::Deref;

/// A value and its [`Origin`]. Two are equal if their values are.
#[derive(Debug, Clone, Copy)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Written for just this host, VM or interface.
    Written(Place),
    /// Written under `defaults`.
    Default(Place),
    /// Nothing was written: `built_in.toml`.
    BuiltIn,
    /// Found on the host, under this name in the facts.
    Fact(&'static str),
    /// Made from these other values.
    Derived(&'static str),
    /// A default, in the place of a written value that could not be read.
    StandIn(Place),
}

/// A place in the schema where a value can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The table.
    pub scope: Scope,
    /// The key in it; with dots for inner tables (`os.type`).
    pub key: &'static str,
    /// The item, for values that are one of a list.
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
        }
    }

    /// The place of a key in the table.
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
    /// A value written at a place.
    pub const fn written(value: T, place: Place) -> Self {
        Self {
            value,
            origin: Origin::Written(place),
        }
    }

    /// A setting of the host: as written, else as built in.
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

    /// A value made from others.
    pub const fn derived(value: T, from: &'static str) -> Self {
        Self {
            value,
            origin: Origin::Derived(from),
        }
    }

    /// Whether somebody meant the value, rather than another that could not be read.
    pub const fn is_meant(&self) -> bool {
        !matches!(self.origin, Origin::StandIn(_))
    }

    /// The same origin for another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced {
            value: change(self.value),
            origin: self.origin,
        }
    }

    /// Where a diagnostic about the value points: where it is written, else `fallback`.
    pub fn path_or(&self, fallback: Place) -> FieldPath {
        self.place_or(fallback).path()
    }

    /// The same as a place.
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
