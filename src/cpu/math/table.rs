//! How the tables of functions are written: a line `Name |a, b| expression;` (or `… => |a, b| expression on lines;`) defines the type `Name`, its trait, its arm in `eval` and
//! its place in the list that a `for_each_…!` macro hands to another macro.

/// Defines the functions of one enum. `($)` first, because the inner macro needs a dollar of its own.
macro_rules! table {
    (($d:tt) $enum:ident: $trait:ident($($arg:ident),*: $word:ty) -> $result:ty, $each:ident;
     $($name:ident |$($x:ident),*| $e:expr $(=> |$($y:ident),*| $l:expr)?;)*) => {
        $(
            #[doc = concat!("The function of [`", stringify!($enum), "::", stringify!($name), "`](super::", stringify!($enum), "::", stringify!($name), ").")]
            pub struct $name;
            impl $trait for $name {
                #[inline(always)]
                fn call<const HW: bool>($($x: $word),*) -> $result { $e }
                $(#[inline(always)] fn lanes<const HW: bool>($($y: &super::call::Line),*) -> super::call::Line { $l })?
            }
        )*
        impl super::$enum {
            /// Every variant.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
            /// The value for these operands; for a function that is not portable: as on a processor without fused multiply-add.
            #[must_use]
            pub fn eval(self, $($arg: $word),*) -> $result {
                let call: fn($($arg: $word),*) -> $result = match self { $(Self::$name => $name::call::<false>,)* };
                call($($arg),*)
            }
        }
        /// Calls a macro with the names of all variants, separated by spaces.
        macro_rules! $each { ($d callback:ident) => { $d callback! { $($name)* } } }
        pub(crate) use $each;
    };
}
pub(super) use table;

/// The number in a word.
#[inline(always)]
pub(super) fn f(a: u32) -> f32 {
    f32::from_bits(a)
}

/// The word of a truth value.
#[inline(always)]
pub(super) fn truth(x: bool) -> u32 {
    u32::from(x).wrapping_neg()
}
