//! Penalties written as text: `elastic-net(l1=0.1,l2=0.05)`, `group-mcp(lambda=0.2,gamma=3,groups=0-3|4+6|5+7)`.
//!
//! ```text
//! specification  name [ "(" [ key "=" value { "," key "=" value } ] ")" ]
//! name           "none" | PENALTY | "group-" PENALTY | "sparse-group-" PENALTY | "singular-" PENALTY     (a name or alias of the catalogue)
//! value          number, or what the option of that key takes (see the catalogue)
//! groups         group { "|" group },  group = range { "+" range },  range = index [ "-" index ]
//! weights        "one" | "root" | number { "|" number }
//! ```

use super::functional::Whole;
use super::group::{GroupWeights, Groups};
use super::registry::{self, Options, Registered, registered};
use super::term::Term;
use super::terms::Inner;
use super::{Penalty, Scalar, all};
use crate::error::{Error, Result, Site};

/// The greatest index in a specification; larger groups are built in code.
const MAX_INDEX: usize = 1 << 24;

/// A penalty from its specification; see the module for the grammar. White space around names and values is skipped.
///
/// # Errors
/// [`Error::Input`] with the column (counted from 1) and, where a name is unknown, the known ones.
#[track_caller]
pub fn parse(spec: &str) -> Result<Penalty> {
    Parser { spec, site: Site::here() }.penalty()
}

/// See [`Penalty::named`].
pub(super) fn named(name: &str, site: Site) -> Result<Penalty> {
    if name == "none" {
        return Ok(Penalty::none());
    }
    if let Some(registered) = registry::find(name) {
        return Ok(registered.penalty());
    }
    Term::built_in(name, site).map(|term| Penalty::terms(Inner::elements(term)))
}

/// A piece of the specification and its first column, counted from 0 in bytes.
#[derive(Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Piece<'a> {
    fn trim(self) -> Piece<'a> {
        let start = self.text.len() - self.text.trim_start().len();
        Piece { text: self.text.trim(), at: self.at + start }
    }

    fn split(self, by: char) -> impl Iterator<Item = Piece<'a>> {
        let mut at = self.at;
        self.text.split(by).map(move |text| {
            let piece = Piece { text, at };
            at += text.len() + by.len_utf8();
            piece.trim()
        })
    }
}

struct Parser<'a> {
    spec: &'a str,
    site: Site,
}

impl<'a> Parser<'a> {
    fn refuse(&self, at: usize, message: impl Into<String>, hint: impl Into<String>) -> Error {
        let column = self.spec.get(..at).map_or(at, |head| head.chars().count()) + 1;
        Error::input(format!("penalty {:?}, column {column}", self.spec), message, hint)
    }

    fn penalty(&self) -> Result<Penalty> {
        let (name, pairs) = self.pairs()?;
        if name.text == "none" {
            return match pairs.first() {
                None => Ok(Penalty::none()),
                Some((key, _)) => Err(self.refuse(key.at, "none has no parameters", "write just none")),
            };
        }
        if let Some(registered) = registry::find(name.text) {
            return self.whole(registered, &pairs);
        }
        let (prefix, profile) = ["sparse-group-", "group-", "singular-"]
            .into_iter()
            .find_map(|prefix| Some((prefix, name.text.strip_prefix(prefix)?)))
            .unwrap_or(("", name.text));
        let mut term = Term::built_in(profile, self.site).map_err(|_| self.unknown(name))?;
        let mut elements = match prefix {
            "sparse-group-" => Some(Term::built_in("l1", self.site)?),
            _ => None,
        };
        let (mut groups, mut weights) = (None, None);
        let mut seen: Vec<&str> = Vec::new();
        let mut values = Vec::new();
        for (key, value) in pairs {
            if seen.contains(&key.text) {
                return Err(self.refuse(key.at, format!("{} is given twice", key.text), "give each parameter once"));
            }
            seen.push(key.text);
            let own = elements.as_mut().filter(|_| key.text == "l1");
            match (key.text, own) {
                (_, Some(l1)) => l1.parameters[0] = self.number(value)?,
                ("groups", _) if prefix.ends_with("group-") => groups = Some(self.groups(value)?),
                ("weights", _) if prefix.ends_with("group-") => weights = Some((value.at, self.weights(value)?)),
                (text, _) => match term.position(text) {
                    Some(ix) => {
                        term.parameters[ix] = self.number(value)?;
                        values.push((ix, value.at));
                    }
                    None => return Err(self.unknown_parameter(name, key, &term, prefix)),
                },
            }
        }
        for term in elements.iter().chain([&term]) {
            if let Some((which, message)) = term.refuse() {
                let at = values.iter().find(|(ix, _)| Some(*ix) == which).map_or(name.at, |&(_, at)| at);
                return Err(self.refuse(at, message, term.hint()));
            }
        }
        if !prefix.ends_with("group-") {
            return self.plain(name, prefix, term);
        }
        let Some(groups) = groups else {
            return Err(self.refuse(self.spec.len(), "no groups are given", "add groups=0-3|4-7|8-9"));
        };
        let groups = match weights {
            Some((at, weights)) => groups.weighted(weights).map_err(|e| self.at(at, e))?,
            None => groups,
        };
        self.lifted(name, elements, term, &groups)
    }

    /// On elements, or on singular values.
    fn plain(&self, name: Piece<'_>, prefix: &str, term: Term) -> Result<Penalty> {
        let plain = Penalty::terms(Inner::elements(term));
        match prefix {
            "" => Ok(plain),
            _ => plain.singular_values().check().map_err(|e| self.at(name.at, e)),
        }
    }

    /// A penalty on whole tensors.
    fn whole(&self, registered: &Registered, pairs: &[(Piece<'a>, Piece<'a>)]) -> Result<Penalty> {
        let name = registered.of.name;
        let mut options = Options(registered.options.iter().map(|o| (o.name, o.default)).collect());
        let mut numbers = Vec::new();
        for (ix, (key, value)) in pairs.iter().enumerate() {
            if pairs[..ix].iter().any(|(k, _)| k.text == key.text) {
                return Err(self.refuse(key.at, format!("{} is given twice", key.text), "give each parameter once"));
            }
            match options.0.iter_mut().find(|(k, _)| *k == key.text) {
                Some(slot) => slot.1 = value.text,
                None => numbers.push((key, value)),
            }
        }
        let of = (registered.build)(&options).map_err(|unfit| {
            let at = pairs.iter().find(|(k, _)| k.text == unfit.key).map_or(0, |(_, value)| value.at);
            self.refuse(at, unfit.message, unfit.hint)
        })?;
        let mut whole = Whole::new(of);
        for (key, value) in &numbers {
            let Some(ix) = whole.position(key.text) else {
                let known =
                    registered.of.parameters.iter().map(|p| p.name).chain(registered.options.iter().map(|o| o.name));
                let known: Vec<_> = known.collect();
                let hint = if known.is_empty() { "it has none".into() } else { format!("it has {}", known.join(", ")) };
                return Err(self.refuse(key.at, format!("{name} has no parameter {:?}", key.text), hint));
            };
            whole.parameters[ix] = self.number(**value)?;
        }
        if let Some((which, message)) = whole.refuse() {
            let wrong = |key: &str| whole.position(key).is_some_and(|ix| Some(ix) == which);
            let at = numbers.iter().find(|(key, _)| wrong(key.text)).map_or(0, |(_, value)| value.at);
            return Err(self.refuse(at, message, whole.hint()));
        }
        Ok(Penalty::whole(whole))
    }

    fn lifted(&self, name: Piece<'_>, elements: Option<Term>, term: Term, groups: &Groups) -> Result<Penalty> {
        let lifted = Penalty::terms(Inner::elements(term)).grouped(groups).check().map_err(|e| self.at(name.at, e))?;
        match elements {
            Some(l1) => Penalty::terms(Inner::elements(l1)).and_groups(lifted).check(),
            None => Ok(lifted),
        }
    }

    /// The name, and the keys with their values.
    fn pairs(&self) -> Result<(Piece<'a>, Vec<(Piece<'a>, Piece<'a>)>)> {
        let whole = Piece { text: self.spec, at: 0 }.trim();
        let Some(open) = whole.text.find('(') else {
            return Ok((whole, Vec::new()));
        };
        let name = Piece { text: &whole.text[..open], at: whole.at }.trim();
        let Some(body) = whole.text[open + 1..].strip_suffix(')') else {
            return Err(self.refuse(whole.at + whole.text.len(), "the closing ) is missing", "close the parameters"));
        };
        if let Some(stray) = body.find(['(', ')']) {
            return Err(self.refuse(whole.at + open + 1 + stray, "a stray parenthesis", "one pair suffices"));
        }
        let body = Piece { text: body, at: whole.at + open + 1 };
        if body.text.trim().is_empty() {
            return Ok((name, Vec::new()));
        }
        let pair = |piece: Piece<'a>| {
            let Some(equals) = piece.text.find('=') else {
                return Err(self.refuse(piece.at, format!("{:?} is not key=value", piece.text), "e.g. lambda=0.1"));
            };
            let key = Piece { text: &piece.text[..equals], at: piece.at }.trim();
            Ok((key, Piece { text: &piece.text[equals + 1..], at: piece.at + equals + 1 }.trim()))
        };
        Ok((name, body.split(',').map(pair).collect::<Result<_>>()?))
    }

    fn number(&self, value: Piece<'_>) -> Result<Scalar> {
        match value.text.parse::<f64>() {
            Ok(x) if x.is_finite() => Ok(Scalar::Number(x)),
            _ => Err(self.refuse(value.at, format!("{:?} is not a number", value.text), "e.g. 0.1 or 1e-3")),
        }
    }

    fn index(&self, piece: Piece<'_>) -> Result<usize> {
        match piece.text.parse::<usize>() {
            Ok(ix) if ix <= MAX_INDEX => Ok(ix),
            Ok(ix) => Err(self.refuse(piece.at, format!("index {ix}"), format!("indices go up to {MAX_INDEX}"))),
            Err(_) => Err(self.refuse(
                piece.at,
                format!("{:?} is not an index", piece.text),
                "groups are written like 0-3|4-7|8+10",
            )),
        }
    }

    fn groups(&self, value: Piece<'_>) -> Result<Groups> {
        let mut groups = Vec::new();
        for group in value.split('|') {
            let mut members = Vec::new();
            for range in group.split('+') {
                let mut ends = range.split('-');
                let first = self.index(ends.next().unwrap_or(range))?;
                let last = ends.next().map_or(Ok(first), |end| self.index(end))?;
                if ends.next().is_some() || last < first {
                    return Err(self.refuse(range.at, format!("{:?} is no range", range.text), "first-last, e.g. 4-7"));
                }
                members.extend(first..=last);
            }
            groups.push(members);
        }
        Groups::new(groups).map_err(|e| self.at(value.at, e))
    }

    fn weights(&self, value: Piece<'_>) -> Result<GroupWeights> {
        match value.text {
            "one" => Ok(GroupWeights::One),
            "root" => Ok(GroupWeights::Root),
            _ => {
                let each = value.split('|').map(|piece| match self.number(piece)? {
                    Scalar::Number(x) => Ok(x),
                    Scalar::Tensor(_) => unreachable!("bug: a number was read"),
                });
                Ok(GroupWeights::Each(each.collect::<Result<_>>()?))
            }
        }
    }

    /// An error of a part, at its place in the specification.
    fn at(&self, at: usize, error: Error) -> Error {
        match error {
            Error::Input { message, hint, .. } | Error::Argument { message, hint, .. } => {
                self.refuse(at, message, hint)
            }
            other => other,
        }
    }

    fn unknown(&self, name: Piece<'_>) -> Error {
        let known: Vec<_> = all()
            .flat_map(|of| std::iter::once(of.name).chain(of.aliases.iter().copied()))
            .chain(registered().map(|r| r.of.name))
            .chain(["group-…", "sparse-group-…", "singular-…", "none"])
            .collect();
        self.refuse(name.at, format!("no penalty is called {:?}", name.text), format!("there are {}", known.join(", ")))
    }

    fn unknown_parameter(&self, name: Piece<'_>, key: Piece<'_>, term: &Term, prefix: &str) -> Error {
        let mut known: Vec<&str> = term.profile.parameters.iter().map(|names| names[0].as_str()).collect();
        match prefix {
            "" | "singular-" => {}
            "group-" => known.extend(["groups", "weights"]),
            _ => known.extend(["l1 (of the elements)", "groups", "weights"]),
        }
        let hint = if known.is_empty() { "it has none".into() } else { format!("it has {}", known.join(", ")) };
        self.refuse(key.at, format!("{} has no parameter {:?}", name.text, key.text), hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications_round_trip() {
        for (spec, same) in [
            ("lasso(l1=0.1)", "l1(l1=0.1)"),
            ("lasso(lambda=0.1)", "l1(l1=0.1)"),
            ("ridge", "l2(l2=0.1)"),
            ("ridge( l2 = 2 )", "l2(l2=2)"),
            (" elastic-net(l1=0.1,l2=0.05) ", "elastic-net(l1=0.1,l2=0.05)"),
            ("mcp(lambda=0.2,gamma=3)", "mcp(lambda=0.2,gamma=3)"),
            ("non-negative", "non-negative"),
            ("box(lower=-1e0,upper=2)", "bounds(lower=-1,upper=2)"),
            ("none", "none"),
            ("group-lasso(lambda=0.1,groups=0-3|4-7|8-9)", "group-lasso(lambda=0.1,groups=0-3|4-7|8-9)"),
            ("group-mcp(gamma=2,groups=0+2|1,weights=root)", "group-mcp(lambda=0.1,gamma=2,groups=0+2|1,weights=root)"),
            (
                "sparse-group-lasso(l1=0.2,lambda=0.3,groups=0|1-2,weights=1|0.5)",
                "sparse-group-lasso(l1=0.2,lambda=0.3,groups=0|1-2,weights=1|0.5)",
            ),
        ] {
            let penalty = parse(spec).unwrap_or_else(|e| panic!("{spec}: {e}"));
            assert_eq!(penalty.to_string(), same);
            assert_eq!(parse(same).expect("what it prints it reads").to_string(), same);
        }
    }

    #[test]
    fn mistakes_are_named_with_their_column() {
        for (spec, parts) in [
            ("lassoo(l1=1)", &["column 1:", "\"lassoo\"", "lasso", "elastic-net", "group-"][..]),
            ("mcp(lambda=0.1,gama=3)", &["column 16:", "\"gama\"", "lambda, gamma"]),
            ("mcp(lambda=-1)", &["column 12:", "lambda = -1", ">= 0"]),
            ("mcp(gamma=1)", &["column 11:", "gamma = 1", "> 1"]),
            ("scad(gamma=2)", &["column 12:", "> 2"]),
            ("huber(delta=0)", &["column 13:", "> 0"]),
            ("lasso(l1=abc)", &["column 10:", "\"abc\" is not a number"]),
            ("lasso(l1=inf)", &["column 10:"]),
            ("lasso(l1=nan)", &["column 10:"]),
            ("lasso(l1)", &["column 7:", "key=value"]),
            ("lasso(l1=1", &["column 11:", "missing"]),
            ("lasso(l1=1))", &["stray"]),
            ("lasso(l1=1,l1=2)", &["column 12:", "twice"]),
            ("lasso(l1=1,groups=0)", &["no parameter \"groups\""]),
            ("bounds(lower=2,upper=1)", &["lower must not exceed upper"]),
            ("group-lasso(lambda=1)", &["no groups"]),
            ("group-lasso(lambda=1,groups=0-3|3-4)", &["column 29:", "index 3 is in group 0 and in group 1"]),
            ("group-lasso(lambda=1,groups=0-3|5-6)", &["index 4 is in no group"]),
            ("group-lasso(groups=0-3|x)", &["column 24:", "\"x\" is not an index"]),
            ("group-lasso(groups=3-0)", &["column 20:", "range"]),
            ("group-lasso(groups=0-99999999999999999999)", &["not an index"]),
            ("group-lasso(groups=0-4000000000)", &["indices go up to"]),
            ("group-lasso(groups=0-1|2,weights=1)", &["1 weights for 2 groups"]),
            ("group-lasso(groups=0-1,weights=-1)", &["not negative"]),
            ("group-bounds(groups=0-1)", &["tells the sign"]),
            ("none(x=1)", &["no parameters"]),
            ("", &["column 1:", "\"\""]),
            ("é(λ=1)", &["column 1:"]),
        ] {
            let text = parse(spec).expect_err(spec).to_string();
            for part in parts {
                assert!(text.contains(part), "{spec}: {text} lacks {part:?}");
            }
        }
    }
}
