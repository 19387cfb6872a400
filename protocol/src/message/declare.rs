/// Declares messages. A row has the name in a header, and what applies to the message:
///
/// * `[FIELD: BYTES, …]`: the fields that travel as parts, and the most bytes of one part
/// * `where CHECK`: whether its other fields are within their limits
/// * `last if CHECK`: whether no further answer to the same request follows
/// * `=> ANSWER, WORKER`: for a request, what answers it and which thread carries it out
macro_rules! messages {
    ($(
        $message:ident = $name:literal
        $([$($($field:tt).+: $bytes:expr),+])?
        $(where $fits:expr)?
        $(, last if $last:expr)?
        $(=> $answer:ty, $worker:ident $(, needs_vault: $needs_vault:literal)?)?;
    )*) => {
        $(
            impl $crate::parts::Parts for $message {
                $(
                    fn limits(&self) -> Vec<usize> {
                        let limits = [$(
                            vec![$bytes; $crate::parts::PartField::slices(&self.$($field).+).len()],
                        )+];
                        limits.concat()
                    }

                    fn parts(&self) -> Vec<&[u8]> {
                        [$($crate::parts::PartField::slices(&self.$($field).+)),+].concat()
                    }

                    fn fill(&mut self, parts: &mut dyn Iterator<Item = $crate::parts::Part>) {
                        $($crate::parts::PartField::fill(&mut self.$($field).+, parts);)+
                    }
                )?

                $(
                    fn is_within_limits(&self) -> bool {
                        let fits: fn(&Self) -> bool = $fits;
                        fits(self)
                    }
                )?
            }

            impl $crate::frame::Message for $message {
                const NAME: &'static str = $name;

                $(
                    fn is_last(&self) -> bool {
                        let is_last: fn(&Self) -> bool = $last;
                        is_last(self)
                    }
                )?
            }

            $(
                impl $crate::Call for $message {
                    type Answer = $answer;
                    const WORKER: $crate::Worker = $crate::Worker::$worker;
                    $(const NEEDS_VAULT: bool = $needs_vault;)?
                }
            )?
        )*
    };
}
