/**
 * Every GraphQL document of the page: what it sends itself, and the examples it offers. A test holds
 * them against the schema, so that a change of the schema cannot leave a broken example behind.
 */
const SESSION_FIELDS = /* GraphQL */ `
  accessToken
  refreshToken
  accessTokenExpiresAt
  tenant { id slug name }
  tenants { id slug name }
  mfaChallenge
  user { id name email role }
  userErrors { field message code }
`;

export const LOGIN = /* GraphQL */ `
mutation SignIn($input: LoginInput!) {
  login(input: $input) { ${SESSION_FIELDS} }
}`;

export const COMPLETE_MFA = /* GraphQL */ `
mutation CompleteMfa($input: CompleteMfaInput!) {
  completeMfa(input: $input) { ${SESSION_FIELDS} }
}`;

export const REFRESH_SESSION = /* GraphQL */ `
mutation RefreshSession($input: RefreshSessionInput!) {
  refreshSession(input: $input) { ${SESSION_FIELDS} }
}`;

export const LOGOUT = /* GraphQL */ `
  mutation SignOut($input: LogoutInput!) {
    logout(input: $input) {
      userErrors {
        field
        message
        code
      }
    }
  }
`;

export const VIEWER = /* GraphQL */ `
  query WhoAmI {
    viewer {
      user {
        id
        name
        email
        role
      }
      tenant {
        id
        slug
        name
      }
    }
  }
`;

export interface Example {
  /** Shown in the menu; the tab itself takes the operation's name. */
  readonly label: string;
  readonly query: string;
  /** JSON, as the variables editor shows it. */
  readonly variables: string;
}

/** Without the indentation that a document has in this file. */
const text = (document: string): string => document.replace(/^\n/, '').replace(/^ {2}/gm, '');

const json = (value: unknown): string => JSON.stringify(value, null, 2);

const FIRST_QUERY = /* GraphQL */ `
  # Who am I, and in which tenant?
  # Run it: Ctrl+Enter, or ⌘+Enter on a Mac.
  query FirstQuery {
    viewer {
      user {
        name
        email
        role
      }
      tenant {
        name
        slug
      }
    }
  }
`;

const PIPELINE = /* GraphQL */ `
  # A page of the pipeline:
  # one request, a fixed number
  # of SQL statements.
  query Pipeline($first: Int!, $after: String) {
    accounts(first: $first, after: $after) {
      nodes {
        id
        name
        industry
        annualRevenue {
          amount
          currencyCode
        }
        contacts(first: 3) {
          nodes {
            id
            fullName
            email
          }
        }
        opportunities(first: 5, filter: { isClosed: { eq: false } }) {
          nodes {
            id
            name
            stage
            amount {
              amount
              currencyCode
            }
            owner {
              name
            }
            lineItems(first: 5) {
              nodes {
                quantity
                product {
                  name
                }
              }
            }
          }
        }
        events(first: 3) {
          nodes {
            id
            name
            startsAt
            dates(first: 3) {
              nodes {
                startsAt
                location {
                  name
                }
              }
            }
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
      totalCount
    }
  }
`;

const LARGEST_OPPORTUNITIES = /* GraphQL */ `
  # Filters and orders are typed:
  # Ctrl+Space shows what fits.
  query LargestOpportunities($first: Int!, $after: String) {
    opportunities(
      first: $first
      after: $after
      filter: { isClosed: { eq: false }, amount: { gte: "10000" } }
      orderBy: [{ field: AMOUNT, direction: DESC }]
    ) {
      totalCount
      nodes {
        name
        stage
        amount {
          amount
          currencyCode
        }
        account {
          name
          industry
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;

const CREATE_CONTACT = /* GraphQL */ `
  # What you can mend comes back in userErrors:
  # try it without a lastName. A member and an
  # admin may do this, a reader may not.
  mutation CreateContact($input: CreateContactInput!) {
    createContact(input: $input) {
      contact {
        id
        fullName
        email
      }
      userErrors {
        field
        message
        code
      }
    }
  }
`;

const LOGIN_EXAMPLE = /* GraphQL */ `
  # How a client signs in: then it sends
  # "Authorization: Bearer <accessToken>".
  # Here the Sign in button does it for you.
  mutation Login($input: LoginInput!) {
    login(input: $input) {
      accessToken
      accessTokenExpiresAt
      refreshToken
      tenant {
        slug
        name
      }
      tenants {
        slug
        name
      }
      userErrors {
        field
        message
        code
      }
    }
  }
`;

/** @param login what the login example is filled with; nobody's real password. */
export const createExamples = (login: { email: string; password: string }): readonly Example[] => [
  { label: 'First query', query: text(FIRST_QUERY), variables: '' },
  {
    label: 'A page of the pipeline',
    query: text(PIPELINE),
    variables: json({ first: 10, after: null }),
  },
  {
    label: 'Largest open opportunities',
    query: text(LARGEST_OPPORTUNITIES),
    variables: json({ first: 10, after: null }),
  },
  {
    label: 'Create a contact',
    query: text(CREATE_CONTACT),
    variables: json({
      input: { firstName: 'Grace', lastName: 'Hopper', email: 'grace.hopper@example.test' },
    }),
  },
  { label: 'Log in', query: text(LOGIN_EXAMPLE), variables: json({ input: login }) },
];
