/** The header by which a client hands on what it has written last, to see it wherever it reads next. */
export const CONSISTENCY_HEADER = 'x-cloister-consistency';
