/**
 * The words the demo is made of. Nothing in it can reach anybody: telephone numbers lie in ranges
 * that regulators set aside for fiction, host names under `.example`.
 */
export interface Place {
  readonly city: string;
  readonly region: string;
  readonly countryCode: string;
  /** `#` stands for a digit, `?` for a letter. */
  readonly postalCode: string;
  readonly phone: string;
  /** `{n}` stands for the number of the house. */
  readonly streets: readonly string[];
  readonly timeZone: string;
  readonly utcOffsetHours: number;
}

type PlaceRow = readonly [
  city: string,
  region: string,
  countryCode: string,
  postalCode: string,
  phone: string,
  timeZone: string,
  utcOffsetHours: number,
  ...streets: string[],
];

// A table is read by its rows.
// prettier-ignore
const PLACE_ROWS: readonly PlaceRow[] = [
  ['Austin', 'TX', 'US', '787##', '+151255501##', 'America/Chicago', -6, '{n} Congress Avenue', '{n} Burnet Road'],
  ['Chicago', 'IL', 'US', '606##', '+131255501##', 'America/Chicago', -6, '{n} West Wacker Drive', '{n} North Clark Street'],
  ['Denver', 'CO', 'US', '802##', '+130355501##', 'America/Denver', -7, '{n} Blake Street', '{n} Larimer Street'],
  ['Seattle', 'WA', 'US', '981##', '+120655501##', 'America/Los_Angeles', -8, '{n} Pine Street', '{n} Westlake Avenue North'],
  ['Boston', 'MA', 'US', '021##', '+161755501##', 'America/New_York', -5, '{n} Boylston Street', '{n} Summer Street'],
  ['Toronto', 'ON', 'CA', 'M#? #?#', '+141655501##', 'America/Toronto', -5, '{n} Bay Street', '{n} Queen Street West'],
  ['London', 'England', 'GB', 'EC#A #??', '+4420794600##', 'Europe/London', 0, '{n} Fleet Street', '{n} Bishopsgate'],
  ['Manchester', 'England', 'GB', 'M# #??', '+4416149600##', 'Europe/London', 0, '{n} Deansgate', '{n} Oxford Road'],
  ['Munich', 'Bavaria', 'DE', '80###', '+498999998###', 'Europe/Berlin', 1, 'Leopoldstraße {n}', 'Lindwurmstraße {n}'],
  ['Hamburg', 'Hamburg', 'DE', '20###', '+494066969###', 'Europe/Berlin', 1, 'Mönckebergstraße {n}', 'Am Sandtorkai {n}'],
  ['Paris', 'Île-de-France', 'FR', '750##', '+3319900####', 'Europe/Paris', 1, '{n} rue de Rivoli', '{n} boulevard Voltaire'],
  ['Stockholm', 'Stockholm', 'SE', '11# ##', '+468465004##', 'Europe/Stockholm', 1, 'Sveavägen {n}', 'Hornsgatan {n}'],
];

export const PLACES: readonly Place[] = PLACE_ROWS.map(
  ([city, region, countryCode, postalCode, phone, timeZone, utcOffsetHours, ...streets]) => ({
    city,
    region,
    countryCode,
    postalCode,
    phone,
    timeZone,
    utcOffsetHours,
    streets,
  }),
);

/** A branch of business and what its companies call themselves. */
export const INDUSTRIES: readonly {
  readonly name: string;
  readonly suffixes: readonly string[];
}[] = [
  { name: 'Manufacturing', suffixes: ['Manufacturing', 'Industries', 'Works'] },
  { name: 'Logistics', suffixes: ['Logistics', 'Freight', 'Shipping'] },
  { name: 'Retail', suffixes: ['Stores', 'Outfitters', 'Trading'] },
  { name: 'Healthcare', suffixes: ['Clinics', 'Health', 'Medical'] },
  { name: 'Finance', suffixes: ['Capital', 'Partners', 'Insurance'] },
  { name: 'Software', suffixes: ['Software', 'Systems', 'Labs'] },
  { name: 'Hospitality', suffixes: ['Hotels', 'Catering', 'Resorts'] },
  { name: 'Energy', suffixes: ['Energy', 'Power', 'Renewables'] },
  { name: 'Construction', suffixes: ['Construction', 'Builders', 'Engineering'] },
  { name: 'Media', suffixes: ['Media', 'Publishing', 'Studios'] },
];

/** Head of an account first; the others report to the one who leads. */
export const POSITIONS: readonly (readonly [title: string, department: string])[] = [
  ['Chief Operating Officer', 'Management'],
  ['Head of Procurement', 'Procurement'],
  ['Marketing Manager', 'Marketing'],
  ['IT Director', 'Information Technology'],
  ['Financial Controller', 'Finance'],
  ['Event Coordinator', 'Marketing'],
  ['Plant Manager', 'Operations'],
  ['Buyer', 'Procurement'],
];

export const RELATIONSHIP_ROLES = [
  'Consultant',
  'Board member',
  'Former employee',
  'Auditor',
  'Reseller',
] as const;
export const LEAD_SOURCES = [
  'Trade show',
  'Web site',
  'Referral',
  'Partner',
  'Cold call',
  'Campaign',
] as const;
export const PURPOSES = [
  'pilot',
  'roll-out',
  'extension',
  'replacement',
  'framework agreement',
  'renewal',
] as const;
export const NEXT_STEPS = [
  'Call back about the budget',
  'Send revised offer',
  'Arrange a demonstration',
  'Meet the procurement team',
  'Wait for legal review',
  'Confirm delivery dates',
] as const;
export const SERVICES = [
  'Installation on site',
  'Training for two days',
  'Extended support',
  'Data migration',
] as const;
export const VENUES = [
  'Convention Center',
  'Conference Hotel',
  'Trade Fair Hall',
  'Business Club',
] as const;

export type Product = readonly [name: string, family: string, listPrice: number];

interface Catalogue {
  readonly currencyCode: string;
  readonly products: readonly Product[];
}

// prettier-ignore
const ACME: Catalogue = {
  currencyCode: 'USD',
  products: [
    ['Anvil 50 kg', 'Forge', 389], ['Anvil 120 kg', 'Forge', 849], ['Forge Press P10', 'Forge', 12_400],
    ['Conveyor C200', 'Conveyors', 7_900], ['Conveyor C400', 'Conveyors', 14_600], ['Conveyor Control Unit', 'Conveyors', 1_950],
    ['Hoist H1', 'Lifting', 2_250], ['Hoist H5', 'Lifting', 6_480], ['Crane Rail 10 m', 'Lifting', 3_120],
    ['Spring Assortment', 'Parts', 145], ['Bearing Set', 'Parts', 260], ['Giant Magnet', 'Parts', 1_190],
  ],
};

// prettier-ignore
const CATALOGUES: Readonly<Record<string, Catalogue>> = {
  acme: ACME,
  globex: {
    currencyCode: 'EUR',
    products: [
      ['Heat Pump 8 kW', 'Heating', 6_900], ['Heat Pump 16 kW', 'Heating', 11_800], ['Heat Exchanger', 'Heating', 2_350],
      ['Solar Panel 430 W', 'Solar', 189], ['Solar Inverter 10 kW', 'Solar', 2_490], ['Mounting Kit', 'Solar', 320],
      ['Battery 10 kWh', 'Storage', 5_600], ['Battery 50 kWh', 'Storage', 23_900], ['Battery Cabinet', 'Storage', 1_480],
      ['Energy Monitor', 'Control', 410], ['Grid Controller', 'Control', 3_750], ['Charging Point 22 kW', 'Control', 1_690],
    ],
  },
  initech: {
    currencyCode: 'USD',
    products: [
      ['Ledger Standard', 'Ledger', 4_800], ['Ledger Enterprise', 'Ledger', 19_500], ['Ledger Audit Module', 'Ledger', 6_200],
      ['Payroll Standard', 'Payroll', 3_900], ['Payroll Enterprise', 'Payroll', 14_200], ['Payroll Connector', 'Payroll', 1_250],
      ['Report Designer', 'Reporting', 2_400], ['Report Server', 'Reporting', 9_800], ['Cover Sheet Generator', 'Reporting', 99],
      ['Migration Package', 'Services', 12_500], ['Support Gold', 'Services', 8_400], ['Support Silver', 'Services', 3_600],
    ],
  },
  hooli: {
    currencyCode: 'GBP',
    products: [
      ['Box One', 'Appliances', 18_900], ['Box Signature', 'Appliances', 64_000], ['Box Rack Kit', 'Appliances', 740],
      ['Cloud Storage 10 TB', 'Cloud', 1_150], ['Cloud Storage 100 TB', 'Cloud', 9_200], ['Cloud Compute Pack', 'Cloud', 4_300],
      ['Mail Business', 'Workplace', 72], ['Chat Business', 'Workplace', 48], ['Search Appliance', 'Workplace', 15_400],
      ['Security Review', 'Services', 7_800], ['Onboarding', 'Services', 3_200], ['Premium Support', 'Services', 11_000],
    ],
  },
};

/** What the tenant sells; tenants beside the demo's own sell what acme does. */
export const catalogueOf = (slug: string): Catalogue => CATALOGUES[slug] ?? ACME;
