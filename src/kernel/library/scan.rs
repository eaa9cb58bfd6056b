//! Reading WGSL only as far as linking needs: identifiers, and the extent of top-level declarations.
//!
//! `build.rs` includes this file too: it splits the library with the same code that links against it.

/// One top-level declaration of `shaders/lib`.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The declared name.
    pub name: &'a str,
    /// The declaration, without comments.
    pub text: &'a str,
    /// Positions in the library of the declarations this one refers to.
    pub uses: &'a [usize],
}

/// A word or a punctuation byte, and where it begins.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Token<'a> {
    Word(&'a str),
    Mark(u8),
}

/// The text with comments blanked: newlines stay, so lines keep their numbers.
pub fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut depth = 0usize;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("/*") {
            depth += 1;
            rest = &rest[2..];
        } else if depth > 0 && rest.starts_with("*/") {
            depth -= 1;
            rest = &rest[2..];
        } else if depth == 0 && rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else {
            if depth == 0 || c == '\n' {
                out.push(c);
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// Tokens of text without comments; numbers are words that start with a digit.
fn tokens(text: &str) -> Vec<(usize, Token<'_>)> {
    let bytes = text.as_bytes();
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80;
    let (mut out, mut i) = (Vec::new(), 0);
    while i < bytes.len() {
        let start = i;
        if word(bytes[i]) {
            while i < bytes.len() && word(bytes[i]) {
                i += 1;
            }
            out.push((start, Token::Word(&text[start..i])));
        } else {
            if !bytes[i].is_ascii_whitespace() {
                out.push((start, Token::Mark(bytes[i])));
            }
            i += 1;
        }
    }
    out
}

/// The identifiers of a text without comments, in order, repeated as they occur; members (`.x`) are left out.
pub fn identifiers(text: &str) -> Vec<&str> {
    let tokens = tokens(text);
    let member = |i: usize| i > 0 && tokens[i - 1].1 == Token::Mark(b'.');
    tokens
        .iter()
        .enumerate()
        .filter_map(|(i, (_, token))| match token {
            Token::Word(w) if !w.as_bytes()[0].is_ascii_digit() && !member(i) => Some(*w),
            _ => None,
        })
        .collect()
}

/// The top-level declarations of a text without comments: name and text, in order.
pub fn declarations(text: &str) -> Vec<(&str, &str)> {
    let tokens = tokens(text);
    let (mut out, mut i) = (Vec::new(), 0);
    while i < tokens.len() {
        let start = tokens[i].0;
        let (mut depth, mut name, mut body) = (0usize, None, false);
        let end = loop {
            let Some(&(at, token)) = tokens.get(i) else { break text.len() };
            i += 1;
            match token {
                Token::Mark(b'{' | b'(' | b'[') => {
                    body |= token == Token::Mark(b'{');
                    depth += 1;
                }
                Token::Mark(b'}' | b')' | b']') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 && token == Token::Mark(b'}') && body {
                        break at + 1;
                    }
                }
                Token::Mark(b';') if depth == 0 => break at + 1,
                Token::Word("fn" | "const" | "struct" | "alias" | "override" | "var")
                    if depth == 0 && name.is_none() =>
                {
                    while matches!(tokens.get(i), Some((_, Token::Mark(b'<')))) {
                        while tokens.get(i).is_some_and(|t| t.1 != Token::Mark(b'>')) {
                            i += 1;
                        }
                        i += 1;
                    }
                    if let Some((_, Token::Word(w))) = tokens.get(i) {
                        name = Some(*w);
                    }
                }
                Token::Word(_) | Token::Mark(_) => {}
            }
        };
        if let Some(name) = name {
            out.push((name, text[start..end].trim()));
        }
    }
    out
}

/// The body, its `//!` lines emptied (other lines keep their numbers), followed by what it needs of the library. Numbers of 16
/// bits are enabled where they are used.
pub fn link(body: &str, lib: &[Item<'_>]) -> String {
    let mut out = String::with_capacity(body.len() * 2);
    for line in body.lines() {
        out.push_str(if line.trim_start().starts_with("//!") { "" } else { line });
        out.push('\n');
    }
    let bare = without_comments(body);
    let own: Vec<&str> = declarations(&bare).into_iter().map(|(name, _)| name).collect();
    let mut wanted = vec![false; lib.len()];
    let mut stack = Vec::new();
    for word in identifiers(&bare) {
        stack.extend(lib.iter().position(|item| item.name == word));
    }
    while let Some(ix) = stack.pop() {
        if !own.contains(&lib[ix].name) && !std::mem::replace(&mut wanted[ix], true) {
            stack.extend_from_slice(lib[ix].uses);
        }
    }
    for item in lib.iter().zip(&wanted).filter_map(|(item, wanted)| wanted.then_some(item)) {
        out.push('\n');
        out.push_str(item.text);
        out.push('\n');
    }
    let half = identifiers(&without_comments(&out)).contains(&"f16");
    if half { format!("enable f16; {out}") } else { out }
}
