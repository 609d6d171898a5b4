//! SPDX licence expressions, as far as crates use them: `OR`, `AND`, `WITH`, parentheses, and the
//! old `/`, which means `OR`. `WITH` binds tightest, then `AND`, then `OR`.

/// Whether the licences that are allowed are enough for this expression. A licence with an
/// exception is asked for as one name: `Apache-2.0 WITH LLVM-exception`.
pub fn is_satisfied(expression: &str, is_allowed: &dyn Fn(&str) -> bool) -> Result<bool, String> {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser {
        words: &words,
        is_allowed,
    };
    let answer = parser.any()?;
    match parser.words {
        [] => Ok(answer),
        [word, ..] => Err(format!("`{word}` was not expected")),
    }
}

struct Parser<'a> {
    words: &'a [&'a str],
    is_allowed: &'a dyn Fn(&str) -> bool,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<bool, String> {
        let mut answer = self.all()?;
        while self.take("OR") {
            answer |= self.all()?;
        }
        Ok(answer)
    }

    fn all(&mut self) -> Result<bool, String> {
        let mut answer = self.one()?;
        while self.take("AND") {
            answer &= self.one()?;
        }
        Ok(answer)
    }

    fn one(&mut self) -> Result<bool, String> {
        if self.take("(") {
            let answer = self.any()?;
            return if self.take(")") {
                Ok(answer)
            } else {
                Err("`)` is missing".into())
            };
        }
        let id = self.id()?;
        if self.take("WITH") {
            let exception = self.id()?;
            return Ok((self.is_allowed)(&format!("{id} WITH {exception}")));
        }
        Ok((self.is_allowed)(id))
    }

    fn id(&mut self) -> Result<&'a str, String> {
        match self.words {
            [] => Err("a licence is missing at the end".into()),
            [word @ ("OR" | "AND" | "WITH" | "(" | ")"), ..] => {
                Err(format!("a licence is missing before `{word}`"))
            }
            [id, rest @ ..] => {
                self.words = rest;
                Ok(id)
            }
        }
    }

    fn take(&mut self, word: &str) -> bool {
        match self.words {
            [first, rest @ ..] if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_understood() {
        let allowed = ["MIT", "Apache-2.0", "ISC", "Apache-2.0 WITH LLVM-exception"];
        let table = [
            ("MIT", Ok(true)),
            ("GPL-3.0", Ok(false)),
            ("MIT/Apache-2.0", Ok(true)),
            ("GPL-3.0 / MIT", Ok(true)),
            ("GPL-3.0 OR MIT", Ok(true)),
            ("GPL-3.0 AND MIT", Ok(false)),
            ("Apache-2.0 AND ISC", Ok(true)),
            ("GPL-3.0 AND MIT OR ISC", Ok(true)),
            ("GPL-3.0 AND (MIT OR ISC)", Ok(false)),
            ("(MIT OR Apache-2.0) AND ISC", Ok(true)),
            ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", Ok(true)),
            ("MIT WITH LLVM-exception", Ok(false)),
            ("", Err(())),
            ("MIT OR", Err(())),
            ("(MIT", Err(())),
            ("MIT ISC", Err(())),
            ("MIT WITH", Err(())),
            ("AND MIT", Err(())),
        ];
        for (expression, expected) in table {
            let answer = is_satisfied(expression, &|id| allowed.contains(&id));
            assert_eq!(answer.map_err(drop), expected, "{expression}");
        }
    }
}
