/** The schema of peers that are written by hand, as type definitions. */
export const SCHEMA = `
  scalar DateTime
  type Contact { id: ID! fullName: String! email: String title: String }
  type Opportunity {
    id: ID! name: String! stage: String! amount: String amountCurrency: String closeDate: String
    primaryContact: Contact
  }
  type Event { id: ID! name: String! startsAt: DateTime status: String! }
  type Account {
    id: ID! name: String! industry: String website: String phone: String
    employeeCount: Int foundedYear: Int
    contacts(first: Int!): [Contact!]!
    opportunities(first: Int!): [Opportunity!]!
    events(first: Int!): [Event!]!
  }
  type Hit { kind: String! rank: Float! matchedText: String! id: ID! name: String! }
  type AccountPage { nodes: [Account!]! totalCount: Int! }
  input ContactInput { accountId: ID! firstName: String! lastName: String! email: String! title: String! }
  type Query {
    account(id: ID!): Account
    accounts(first: Int!): [Account!]!
    accountsOfIndustry(industry: String!, first: Int!): AccountPage!
    searchRecords(term: String!, first: Int!): [Hit!]!
  }
  type Mutation { createContact(input: ContactInput!): Contact! }
`;
