//! The public API as one file, so that a review shows what changes in it.
#![allow(clippy::disallowed_methods, reason = "tests read sources")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use proc_macro2::{Group, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use syn::{Attribute, Fields, ImplItem, Item, ItemMod, TraitItem, Visibility, parse_quote};

/// What of an attribute's effect a user of the crate sees.
const SHOWN: &[&str] = &["cfg", "default", "derive", "must_use", "non_exhaustive"];

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|one| {
        one.path().is_ident("cfg")
            && one
                .parse_args::<syn::Ident>()
                .is_ok_and(|cfg| cfg == "test")
    })
}

fn shown(attributes: &mut Vec<Attribute>) {
    attributes.retain(|one| SHOWN.iter().any(|name| one.path().is_ident(name)));
}

/// Reads a file and those of the modules it declares.
fn read(file: &Path, children: &Path) -> Vec<Item> {
    let text = fs::read_to_string(file).unwrap();
    let mut items = syn::parse_file(&text).unwrap().items;
    for item in &mut items {
        let Item::Mod(module) = item else { continue };
        if module.content.is_some() || is_test(&module.attrs) {
            continue;
        }
        let folder = children.join(module.ident.to_string());
        let flat = folder.with_extension("rs");
        let file = if flat.exists() {
            flat
        } else {
            folder.join("mod.rs")
        };
        module.content = Some((syn::token::Brace::default(), read(&file, &folder)));
        module.semi = None;
    }
    items
}

/// The names of all public types.
fn types(items: &[Item], names: &mut BTreeSet<String>) {
    for item in items {
        match item {
            Item::Struct(one) if is_public(&one.vis) => names.insert(one.ident.to_string()),
            Item::Enum(one) if is_public(&one.vis) => names.insert(one.ident.to_string()),
            Item::Mod(ItemMod {
                content: Some((_, items)),
                ..
            }) => {
                types(items, names);
                continue;
            }
            _ => continue,
        };
    }
}

fn last_name(path: &syn::Path) -> String {
    path.segments.last().unwrap().ident.to_string()
}

/// Leaves out private fields, but shows that there are some.
fn without_private(fields: &mut Fields) {
    match fields {
        Fields::Named(fields) => {
            let all = fields.named.len();
            fields.named = std::mem::take(&mut fields.named)
                .into_iter()
                .filter(|field| is_public(&field.vis))
                .collect();
            fields
                .named
                .iter_mut()
                .for_each(|field| shown(&mut field.attrs));
            if fields.named.len() < all {
                fields.named.push(parse_quote!(_private: ()));
            }
        }
        Fields::Unnamed(fields) => {
            for field in &mut fields.unnamed {
                shown(&mut field.attrs);
                if !is_public(&field.vis) {
                    field.ty = parse_quote!(_private);
                }
            }
        }
        Fields::Unit => {}
    }
}

/// What a macro is given, but for documentation.
fn without_docs(tokens: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    for token in tokens {
        let TokenTree::Group(group) = token else {
            kept.push(token);
            continue;
        };
        let is_doc = group
            .stream()
            .into_iter()
            .next()
            .is_some_and(|first| first.to_string() == "doc");
        if is_doc {
            kept.pop();
        } else {
            kept.push(TokenTree::Group(Group::new(
                group.delimiter(),
                without_docs(group.stream()),
            )));
        }
    }
    kept.into_iter().collect()
}

/// What of an item is public; bodies are left out.
fn public(item: Item, types: &BTreeSet<String>) -> Option<Item> {
    match item {
        Item::Mod(mut one) if !is_test(&one.attrs) => {
            shown(&mut one.attrs);
            let (_, items) = one.content.as_mut()?;
            *items = std::mem::take(items)
                .into_iter()
                .filter_map(|item| public(item, types))
                .collect();
            (is_public(&one.vis) || !items.is_empty()).then_some(Item::Mod(one))
        }
        Item::Use(mut one) if is_public(&one.vis) => {
            shown(&mut one.attrs);
            Some(Item::Use(one))
        }
        Item::Struct(mut one) if is_public(&one.vis) => {
            shown(&mut one.attrs);
            without_private(&mut one.fields);
            Some(Item::Struct(one))
        }
        Item::Enum(mut one) if is_public(&one.vis) => {
            shown(&mut one.attrs);
            for variant in &mut one.variants {
                shown(&mut variant.attrs);
                variant
                    .fields
                    .iter_mut()
                    .for_each(|field| shown(&mut field.attrs));
            }
            Some(Item::Enum(one))
        }
        Item::Fn(mut one) if is_public(&one.vis) => {
            shown(&mut one.attrs);
            one.block = parse_quote!({});
            Some(Item::Fn(one))
        }
        Item::Const(mut one) if is_public(&one.vis) => {
            shown(&mut one.attrs);
            one.expr = parse_quote!(..);
            Some(Item::Const(one))
        }
        Item::Static(mut one) if is_public(&one.vis) => {
            shown(&mut one.attrs);
            one.expr = parse_quote!(..);
            Some(Item::Static(one))
        }
        Item::Type(mut one) if is_public(&one.vis) => {
            shown(&mut one.attrs);
            Some(Item::Type(one))
        }
        Item::Trait(mut one) if is_public(&one.vis) => {
            shown(&mut one.attrs);
            for item in &mut one.items {
                if let TraitItem::Fn(function) = item {
                    shown(&mut function.attrs);
                    function.default = function.default.is_some().then(|| parse_quote!({}));
                }
            }
            Some(Item::Trait(one))
        }
        Item::Impl(mut one) => {
            shown(&mut one.attrs);
            let syn::Type::Path(of) = &*one.self_ty else {
                return None;
            };
            if !types.contains(&last_name(&of.path)) {
                return None;
            }
            if one.trait_.is_some() {
                one.items.clear();
                return Some(Item::Impl(one));
            }
            one.items = one.items.into_iter().filter_map(public_member).collect();
            (!one.items.is_empty()).then_some(Item::Impl(one))
        }
        // What a macro of this crate makes of it, its name and its arguments tell.
        Item::Macro(mut one) if one.ident.is_none() => {
            one.attrs.clear();
            one.mac.tokens = without_docs(one.mac.tokens);
            Some(Item::Macro(one))
        }
        _ => None,
    }
}

fn public_member(item: ImplItem) -> Option<ImplItem> {
    match item {
        ImplItem::Fn(mut one) if is_public(&one.vis) => {
            shown(&mut one.attrs);
            one.block = parse_quote!({});
            Some(ImplItem::Fn(one))
        }
        ImplItem::Const(mut one) if is_public(&one.vis) => {
            shown(&mut one.attrs);
            one.expr = parse_quote!(..);
            Some(ImplItem::Const(one))
        }
        _ => None,
    }
}

#[test]
fn the_public_api_is_the_one_in_public_api_rs() {
    let source = support::crate_dir().join("src");
    let items = read(&source.join("lib.rs"), &source);
    let mut names = BTreeSet::new();
    types(&items, &mut names);
    let items = items
        .into_iter()
        .filter_map(|item| public(item, &names))
        .collect();
    let api = prettyplease::unparse(&syn::File {
        shebang: None,
        attrs: Vec::new(),
        items,
    });
    let api = format!(
        "// The public API of xen-vman-core, without bodies and documentation. Private modules are shown where\n\
         // their items are exported by another. UPDATE_DOCS=1 cargo test -p xen-vman-core --test public_api\n\n{api}"
    );
    let path: PathBuf = support::crate_dir().join("tests/public_api/api.txt");
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &api).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let changed = similar::TextDiff::from_lines(&found, &api);
    assert!(
        found == api,
        "the public API has changed:\n{}If it is meant to, UPDATE_DOCS=1 writes {}, and CHANGELOG.md says what changes.",
        changed.unified_diff().context_radius(2),
        path.display()
    );
}
