//! `#[boxed]`: async methods whose bodies are compiled once, in the crate that has them.
//!
//! The body of an `async fn` is compiled wherever it is awaited: the api-server compiled all of the control plane and the
//! store once more, and so did each of their tests. A method that returns its future in a box is compiled where it is written. That
//! costs an allocation for each call.

use proc_macro::TokenStream;
use quote::{ToTokens as _, format_ident, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{
    FnArg, GenericParam, Generics, ImplItem, Item, Lifetime, LifetimeParam, Pat, ReturnType, Signature, Stmt,
    Type, TypeReference, Visibility, parse_macro_input, parse_quote,
};

/// The async functions of an `impl` that others can call, or one function, return boxed futures, which can be sent to
/// other threads. Generic ones stay as they are: those are compiled for each use anyway.
#[proc_macro_attribute]
pub fn boxed(_: TokenStream, item: TokenStream) -> TokenStream {
    let mut item = parse_macro_input!(item as Item);
    match &mut item {
        Item::Impl(block) => {
            let outer = lifetimes(&block.generics);
            for member in &mut block.items {
                if let ImplItem::Fn(method) = member
                    && !matches!(method.vis, Visibility::Inherited)
                {
                    rewrite(&mut method.sig, &mut method.block.stmts, &outer);
                }
            }
        }
        Item::Fn(function) => rewrite(&mut function.sig, &mut function.block.stmts, &[]),
        other => {
            let error = syn::Error::new_spanned(other, "#[boxed] is for functions and for impl blocks");
            return error.to_compile_error().into();
        }
    }
    item.into_token_stream().into()
}

fn lifetimes(generics: &Generics) -> Vec<Lifetime> {
    generics.lifetimes().map(|parameter| parameter.lifetime.clone()).collect()
}

fn rewrite(signature: &mut Signature, body: &mut Vec<Stmt>, outer: &[Lifetime]) {
    if signature.asyncness.is_none() || signature.generics.type_params().next().is_some() {
        return;
    }
    let mut opaque = Opaque(false);
    opaque.visit_signature_mut(signature);
    if opaque.0 {
        return;
    }
    signature.asyncness = None;
    let mut named = Named(Vec::new());
    let mut moved = Vec::new();
    for input in &mut signature.inputs {
        match input {
            FnArg::Receiver(receiver) => {
                if let Some((_, lifetime)) = &mut receiver.reference {
                    named.name(lifetime);
                }
            }
            FnArg::Typed(argument) => {
                named.visit_type_mut(&mut argument.ty);
                // What is not read lives as long as the call, too: it may be a guard.
                if let Pat::Ident(pattern) = &mut *argument.pat {
                    let (mutable, name) = (pattern.mutability.take(), &pattern.ident);
                    if mutable.is_some() || name.to_string().starts_with('_') {
                        moved.push(quote!(let #mutable #name = #name;));
                    }
                }
            }
        }
    }
    let mut all = lifetimes(&signature.generics);
    all.extend(named.0.iter().cloned());
    for lifetime in named.0 {
        signature.generics.params.push(GenericParam::Lifetime(LifetimeParam::new(lifetime)));
    }
    signature.generics.params.push(parse_quote!('call));
    let bounds = signature.generics.make_where_clause();
    for lifetime in all.iter().chain(outer) {
        bounds.predicates.push(parse_quote!(#lifetime: 'call));
    }
    let output: Type = match &signature.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, output) => (**output).clone(),
    };
    signature.output = parse_quote! {
        -> ::std::pin::Pin<::std::boxed::Box<
            dyn ::std::future::Future<Output = #output> + ::std::marker::Send + 'call
        >>
    };
    // The type that `?` and `return` need, which is not known from outside of the block.
    let typed = matches!(&output, Type::Tuple(tuple) if tuple.elems.is_empty());
    let known = (!typed).then(|| {
        quote! {
            if let ::std::option::Option::Some(result) = ::std::option::Option::None::<#output> {
                return result;
            }
        }
    });
    *body = vec![Stmt::Expr(
        parse_quote! {
            ::std::boxed::Box::pin(async move {
                #known
                #(#moved)*
                #(#body)*
            })
        },
        None,
    )];
}

/// Gives every lifetime that has no name one.
struct Named(Vec<Lifetime>);

impl Named {
    fn name(&mut self, lifetime: &mut Option<Lifetime>) {
        if lifetime.as_ref().is_none_or(|known| known.ident == "_") {
            let name = format_ident!("call{}", self.0.len());
            let fresh = Lifetime::new(&format!("'{name}"), proc_macro2::Span::call_site());
            *lifetime = Some(fresh.clone());
            self.0.push(fresh);
        }
    }
}

impl VisitMut for Named {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        self.name(&mut reference.lifetime);
        visit_mut::visit_type_reference_mut(self, reference);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        let mut known = Some(lifetime.clone());
        self.name(&mut known);
        if let Some(known) = known {
            *lifetime = known;
        }
    }

    // What these are given has lifetimes of its own.
    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut syn::ParenthesizedGenericArguments) {}
    fn visit_type_bare_fn_mut(&mut self, _: &mut syn::TypeBareFn) {}
}

/// Whether it has a type that is not named, which makes it generic.
struct Opaque(bool);

impl VisitMut for Opaque {
    fn visit_type_impl_trait_mut(&mut self, _: &mut syn::TypeImplTrait) {
        self.0 = true;
    }
}
