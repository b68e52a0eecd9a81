"""One line of text, every way people write it, gives one key."""

from __future__ import annotations

import pytest

from domain.address_text import canonical_line

PLACE = "Richmond VIC 3121"

# Street lines in front of `, Richmond VIC 3121`, and the rest of the key.
STREET_LINES = """
12 Smith St                       | SMITH STREET|12|
12 Smith St.                      | SMITH STREET|12|
12, Smith Street                  | SMITH STREET|12|
No 12 Smith St                    | SMITH STREET|12|
No. 12 Smith St                   | SMITH STREET|12|
#12 Smith St                      | SMITH STREET|12|
House 12 Smith St                 | SMITH STREET|12|
0012 Smith St                     | SMITH STREET|12|
12 SMITH STREEET                  | SMITH STREET|12|
3/12 Smith St                     | SMITH STREET|12|3
3 / 12 Smith St                   | SMITH STREET|12|3
03/12 Smith St                    | SMITH STREET|12|3
U3/12 Smith St                    | SMITH STREET|12|3
U 3/12 Smith St                   | SMITH STREET|12|3
U 3 / 12 Smith St                 | SMITH STREET|12|3
Unit 3/12 Smith St                | SMITH STREET|12|3
Unit 3, 12 Smith St               | SMITH STREET|12|3
Unit 3 12 Smith St                | SMITH STREET|12|3
Unit 3 - 12 Smith St              | SMITH STREET|12|3
UNIT 3; 12 SMITH ST               | SMITH STREET|12|3
3, 12 Smith St                    | SMITH STREET|12|3
Apt 3, 12 Smith St                | SMITH STREET|12|3
Apartment 3/12 Smith St           | SMITH STREET|12|3
Flat 3, 12 Smith St               | SMITH STREET|12|3
Villa 3, 12 Smith St              | SMITH STREET|12|3
Townhouse 3 / 12 Smith St         | SMITH STREET|12|3
TH3/12 Smith St                   | SMITH STREET|12|3
Suite 3, 12 Smith St              | SMITH STREET|12|3
Studio 3, 12 Smith St             | SMITH STREET|12|3
12 Smith St Unit 3                | SMITH STREET|12|3
12 Smith St, Unit 3               | SMITH STREET|12|3
3 12 Smith St                     | SMITH STREET|12|3
The Grand, 12 Smith St Unit 3     | SMITH STREET|12|3
The Grand, 3/12 Smith St          | SMITH STREET|12|3
The Grand 3/12 Smith St           | SMITH STREET|12|3
"The Grand" 3/12 Smith St         | SMITH STREET|12|3
The Grand, Unit 3, 12 Smith St    | SMITH STREET|12|3
Oak House 12 Smith St             | SMITH STREET|12|
3A/12 Smith St                    | SMITH STREET|12|3A
3 A/12 Smith St                   | SMITH STREET|12|3A
A/12 Smith St                     | SMITH STREET|12|A
Unit A, 12 Smith St               | SMITH STREET|12|A
A3/12 Smith St                    | SMITH STREET|12|A3
G01/12 Smith St                   | SMITH STREET|12|G1
G1/12 Smith St                    | SMITH STREET|12|G1
LG05/12 Smith St                  | SMITH STREET|12|LG5
101 / 5 Smith St                  | SMITH STREET|5|101
1203/8-10 Smith St                | SMITH STREET|8-10|1203
3-5/12 Smith St                   | SMITH STREET|12|3-5
Units 3 & 5, 12 Smith St          | SMITH STREET|12|3-5
Penthouse 2, 12 Smith St          | SMITH STREET|12|PENTHOUSE 2
PH2/12 Smith St                   | SMITH STREET|12|PENTHOUSE 2
Penthouse, 12 Smith St            | SMITH STREET|12|PENTHOUSE
Shop 2, 12 Smith St               | SMITH STREET|12|SHOP 2
Shop 2/12 Smith St                | SMITH STREET|12|SHOP 2
Shop G02, 12 Smith St             | SMITH STREET|12|SHOP G2
Shop 2, Level 1, 12 Smith St      | SMITH STREET|12|SHOP 2 LEVEL 1
Level 1, Shop 2, 12 Smith St      | SMITH STREET|12|SHOP 2 LEVEL 1
Suite 501, Level 5, 12 Smith St   | SMITH STREET|12|501
Unit 3, Level 1, 12 Smith St      | SMITH STREET|12|3
Level 3, 12 Smith St              | SMITH STREET|12|LEVEL 3
L3, 12 Smith St                   | SMITH STREET|12|LEVEL 3
Ground Floor, 12 Smith St         | SMITH STREET|12|LEVEL G
1st Floor, 12 Smith St            | SMITH STREET|12|LEVEL 1
Carspace 4, 12 Smith St           | SMITH STREET|12|CARSPACE 4
Car Space 4, 12 Smith St          | SMITH STREET|12|CARSPACE 4
Garage 4, 12 Smith St             | SMITH STREET|12|GARAGE 4
Block A, 3/12 Smith St            | SMITH STREET|12|BLOCK A 3
Building B Unit 3 12 Smith St     | SMITH STREET|12|BUILDING B 3
Bldg B, 3/12 Smith St             | SMITH STREET|12|BUILDING B 3
3/12 Smith St Building B          | SMITH STREET|12|BUILDING B 3
Tower 2, 305/12 Smith St          | SMITH STREET|12|TOWER 2 305
12A Smith St                      | SMITH STREET|12A|
12a Smith St                      | SMITH STREET|12A|
12 A Smith St                     | SMITH STREET|12A|
19-21 Smith St                    | SMITH STREET|19-21|
19 - 21 Smith St                  | SMITH STREET|19-21|
19\u201321 Smith St               | SMITH STREET|19-21|
19 to 21 Smith St                 | SMITH STREET|19-21|
19 & 21 Smith St                  | SMITH STREET|19-21|
19 and 21 Smith St                | SMITH STREET|19-21|
7 & 9 Smith St                    | SMITH STREET|7-9|
12A-14B Smith St                  | SMITH STREET|12A-14B|
5/14-16 Smith St                  | SMITH STREET|14-16|5
Unit 5, 14-16 Smith St            | SMITH STREET|14-16|5
LOT 4A Smith St                   | SMITH STREET|LOT 4A|
Lot 4 Smith St                    | SMITH STREET|LOT 4|
Lots 4 & 5 Smith St               | SMITH STREET|LOT 4-5|
Lot 4, 12 Smith St                | SMITH STREET|12|
Lot 4 (No. 12) Smith St           | SMITH STREET|12|
Lot 4 (12) Smith St               | SMITH STREET|LOT 4|
12 Smith St (cnr Jones St)        | SMITH STREET|12|
12 Smith St cnr Jones St          | SMITH STREET|12|
B106 Smith St                     | SMITH STREET|B106|
RMB 123 Smith Rd                  | SMITH ROAD|RMB123|
RMB123 Smith Rd                   | SMITH ROAD|RMB123|
"Glenview" 1071 Smith Rd          | SMITH ROAD|1071|
Glenview, 1071 Smith Rd           | SMITH ROAD|1071|
12 Ocean St S                     | OCEAN STREET SOUTH|12|
12 Ocean St South                 | OCEAN STREET SOUTH|12|
12 Ocean St Sth                   | OCEAN STREET SOUTH|12|
12 Ocean St NE                    | OCEAN STREET NORTH EAST|12|
12 Ocean St North East            | OCEAN STREET NORTH EAST|12|
12 Ocean St Lwr                   | OCEAN STREET LOWER|12|
12 Ocean St Ext                   | OCEAN STREET EXTENSION|12|
12 Esplanade E                    | ESPLANADE EAST|12|
12 Mt Alexander Rd                | MOUNT ALEXANDER ROAD|12|
12 Mt. Alexander Road             | MOUNT ALEXANDER ROAD|12|
12 Saint Georges Rd               | ST GEORGES ROAD|12|
12 St Georges Rd                  | ST GEORGES ROAD|12|
12 St. George's Rd                | ST GEORGES ROAD|12|
12 St George s Rd                 | ST GEORGES ROAD|12|
12 St Kilda Rd                    | ST KILDA ROAD|12|
12 Old St Kilda Rd                | OLD ST KILDA ROAD|12|
12 St Georges Tce                 | ST GEORGES TERRACE|12|
12 O'Connell St                   | OCONNELL STREET|12|
12 O\u2019Connell St              | OCONNELL STREET|12|
12 OConnell St                    | OCONNELL STREET|12|
12 O Connell St                   | OCONNELL STREET|12|
12 D'Arcy St                      | DARCY STREET|12|
12 Mc Donald St                   | MCDONALD STREET|12|
12 Smith-Jones St                 | SMITH JONES STREET|12|
12 Caf\u00e9 St                   | CAFE STREET|12|
1 1st Ave                         | FIRST AVENUE|1|
1 First Avenue                    | FIRST AVENUE|1|
1 21st Ave                        | TWENTY FIRST AVENUE|1|
1 Twenty-First Ave                | TWENTY FIRST AVENUE|1|
12 The Avenue                     | THE AVENUE|12|
12 The Ave                        | THE AVENUE|12|
12 The Boulevarde                 | THE BOULEVARD|12|
12 The Boulevard St               | THE BOULEVARD STREET|12|
12 Avenue Rd                      | AVENUE ROAD|12|
12 Ave of the Americas            | AVENUE OF THE AMERICAS|12|
12 Park Street Lane               | PARK STREET LANE|12|
12 Park St Lane                   | PARK STREET LANE|12|
12 Smith                          | SMITH|12|
12 Broadway                       | BROADWAY|12|
5 A St                            | A STREET|5|
5 A Smith St                      | SMITH STREET|5A|
12 Gt Eastern Hwy                 | GREAT EASTERN HIGHWAY|12|
12 Lt Collins St                  | LITTLE COLLINS STREET|12|
12 Nth Steyne                     | NORTH STEYNE|12|
12 Smith Blvd                     | SMITH BOULEVARD|12|
12 Smith Crt                      | SMITH COURT|12|
12 Smith Cresent                  | SMITH CRESCENT|12|
12 Smith Pde                      | SMITH PARADE|12|
12 Smith Gr                       | SMITH GROVE|12|
12 Smith Esplande                 | SMITH ESPLANADE|12|
12 Smith Wy                       | SMITH WAY|12|
12 Smith Pky                      | SMITH PARKWAY|12|
"""
STREET_CASES = [
    tuple(part.strip() for part in line.split("|", 1))
    for line in STREET_LINES.strip().splitlines()
]


@pytest.mark.parametrize(("line", "rest"), STREET_CASES)
def test_every_spelling_of_a_street_line_has_its_key(line: str, rest: str) -> None:
    found = canonical_line(f"{line}, {PLACE}")
    assert found.key == f"VIC|RICHMOND|{rest}"
    assert found.key_kind == "address"
    assert (found.state, found.postcode) == ("VIC", "3121")


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("3/12 Smith St Richmond VIC 3121", "VIC|RICHMOND|SMITH STREET|12|3"),
        ("3/12 smith st richmond vic 3121", "VIC|RICHMOND|SMITH STREET|12|3"),
        ("3/12 Smith St, Richmond, VIC, 3121", "VIC|RICHMOND|SMITH STREET|12|3"),
        ("3/12 Smith St, Richmond, Victoria 3121", "VIC|RICHMOND|SMITH STREET|12|3"),
        ("3/12 Smith St, Richmond Vic. 3121", "VIC|RICHMOND|SMITH STREET|12|3"),
        ("3/12 Smith St, Richmond 3121 VIC", "VIC|RICHMOND|SMITH STREET|12|3"),
        ("3/12 Smith St, Richmond 3121", "VIC|RICHMOND|SMITH STREET|12|3"),
        ("3/12 Smith St, Richmond VIC", "VIC|RICHMOND|SMITH STREET|12|3"),
        (
            "3/12 Smith St, Richmond VIC 3121, Australia",
            "VIC|RICHMOND|SMITH STREET|12|3",
        ),
        ("12 Ocean St S Bondi NSW 2026", "NSW|BONDI|OCEAN STREET SOUTH|12|"),
        ("12 Ocean St South Yarra VIC 3141", "VIC|YARRA SOUTH|OCEAN STREET|12|"),
        ("8 Edgar St Nth Glen Iris VIC 3146", "VIC|GLEN IRIS|EDGAR STREET NORTH|8|"),
        ("12 Smith St St Kilda VIC 3182", "VIC|ST KILDA|SMITH STREET|12|"),
        ("12 St Kilda Rd St Kilda VIC 3182", "VIC|ST KILDA|ST KILDA ROAD|12|"),
        ("12 Smith St Lane Cove NSW 2066", "NSW|LANE COVE|SMITH STREET|12|"),
        ("12 Park Street Lane Richmond VIC", "VIC|RICHMOND|PARK STREET LANE|12|"),
        (
            "1 High Street Rd Mount Waverley VIC",
            "VIC|MOUNT WAVERLEY|HIGH STREET ROAD|1|",
        ),
        ("9 The Croft Ringwood North VIC 3134", "VIC|RINGWOOD NORTH|THE CROFT|9|"),
        ("1 Broadway Glebe NSW 2037", "NSW|GLEBE|BROADWAY|1|"),
        ("4 Moss Cl, Hoppers Crossing VIC", "VIC|HOPPERS CROSSING|MOSS CLOSE|4|"),
        ("12 Smith St, North Ryde NSW 2113", "NSW|RYDE NORTH|SMITH STREET|12|"),
        ("12 Smith St, Ryde North NSW 2113", "NSW|RYDE NORTH|SMITH STREET|12|"),
        ("12 Smith St, Mt Eliza VIC 3930", "VIC|MOUNT ELIZA|SMITH STREET|12|"),
        ("12 Smith St, Pt Melbourne VIC 3207", "VIC|PORT MELBOURNE|SMITH STREET|12|"),
        ("12 Smith St, Pt Cook VIC 3030", "VIC|POINT COOK|SMITH STREET|12|"),
        ("12 Smith St, O'Connor ACT 2602", "ACT|OCONNOR|SMITH STREET|12|"),
        ("12 Smith St, Alice Springs NT 0870", "NT|ALICE SPRINGS|SMITH STREET|12|"),
        ("12 Smith St, Melbourne CBD VIC 3000", "VIC|MELBOURNE|SMITH STREET|12|"),
        ("12 Smith St, Mayfield NSW 2304", "NSW|MAYFIELD 2304|SMITH STREET|12|"),
        ("12 Smith St, Jennings 4383", "NSW|JENNINGS|SMITH STREET|12|"),
        ("12 Smith St, Jennings QLD 4383", "NSW|JENNINGS|SMITH STREET|12|"),
    ],
)
def test_a_whole_line_needs_no_commas_and_no_order(written: str, key: str) -> None:
    assert canonical_line(written).key == key


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("PO Box 123, Richmond VIC 3121", "postal_address"),
        ("P.O. Box 12 Richmond VIC 3121", "postal_address"),
        ("GPO Box 5, Sydney NSW 2001", "postal_address"),
        ("Locked Bag 7, Sydney NSW 2001", "postal_address"),
        ("Private Bag 7, Cowra NSW 2794", "postal_address"),
        ("CNR Smith & Jones Sts, Richmond VIC 3121", "corner"),
        ("Corner of Smith St and Jones St, Richmond VIC 3121", "corner"),
        ("Smith St, Richmond VIC 3121", "address_identifies_nothing"),
        ("Richmond VIC 3121", "address_identifies_nothing"),
        ("12, Richmond VIC 3121", "address_identifies_nothing"),
        ("12 Smith St", "state_missing"),
        ("12 Smith St, Richmond", "state_missing"),
        ("12 Smith St, Mayfield NSW", "locality_ambiguous"),
        ("Address on request, Richmond VIC 3121", "address_identifies_nothing"),
        ("", "address_identifies_nothing"),
    ],
)
def test_what_names_no_home_says_why(written: str, reason: str) -> None:
    found = canonical_line(written)
    assert found.key_kind == "non_identifying"
    assert reason in found.assumptions
    assert found.confidence < 0.5


def test_a_list_of_places_only_helps_to_cut() -> None:
    def knows(locality: str, state: str | None) -> bool:
        return (locality, state) == ("PORT MELBOURNE", "VIC")

    written = "281 Esplanade East Port Melbourne VIC 3207"
    with_commas = canonical_line("281 Esplanade East, Port Melbourne VIC 3207")
    assert canonical_line(written, knows_place=knows).key == with_commas.key


def test_fields_of_a_line_are_apart() -> None:
    found = canonical_line("The Grand, Shop 2A, Level 1, 19B-21C Ocean St S, Bondi NSW")
    assert (found.unit_type, found.unit_type_code, found.flat.number) == (
        *("SHOP", "SHOP"),
        "2A",
    )
    assert (found.level_number, found.building_name) == ("1", "THE GRAND")
    assert (found.number_first, found.number_first_suffix) == (19, "B")
    assert (found.number_last, found.number_last_suffix) == (21, "C")
    assert (found.street_name, found.street_type, found.street_type_code) == (
        *("OCEAN", "STREET"),
        "ST",
    )
    assert (found.street_suffix, found.street_suffix_code) == ("SOUTH", "S")
    assert (found.locality, found.state, found.postcode) == ("BONDI", "NSW", None)
    lot = canonical_line("Lot 4, RMB 12 Old Rd, Cowra NSW 2794")
    assert (lot.lot_number, lot.number_prefix, lot.number_first) == ("4", "RMB", 12)
