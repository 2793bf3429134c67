"""What a row is and when a file is broken: tables of file contents and what becomes of them."""

import bz2
import gzip
import io
import lzma
import sys
import zipfile

from workdir import KEY, each, each_engine

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TWO = ["1.1.1.1", "2.2.2.2"]


@each_engine
@each(
    "content", "addresses", "rejected",
    bom=(b"\xef\xbb\xbfSource IP,Count\n1.1.1.1,5\n2.2.2.2,6\n", TWO, {}),
    bom_before_a_quote=(b'\xef\xbb\xbf"Source IP","Count"\n1.1.1.1,5\n2.2.2.2,6\n', TWO, {}),
    spaces_round_the_name=(b"Count,  Source IP \n5,1.1.1.1\n6,2.2.2.2\n", TWO, {}),
    key_in_the_middle=(b"Site,Source IP,Count\nx,1.1.1.1,5\ny,2.2.2.2,6\n", TWO, {}),
    key_last=(b"9.9.9.9,Count,Source IP\n9.9.9.9,5,1.1.1.1\n9.9.9.9,6,2.2.2.2\n", TWO, {}),
    key_twice=(b"Source IP,Source IP\n1.1.1.1,3.3.3.3\n2.2.2.2,oops\n", TWO, {}),
    columns_without_a_name=(b",Source IP,\n9.9.9.9,1.1.1.1,\n,2.2.2.2,9.9.9.9\n", TWO, {}),
    header_over_two_lines=(b'"Events\nper Second",Source IP\n5,1.1.1.1\n6,2.2.2.2\n', TWO, {}),
    header_like_an_archive=(b"BZh1,Source IP\n5,1.1.1.1\n6,2.2.2.2\n", TWO, {}),
    blank_lines_before_the_header=(b"\n\r\nSource IP\n1.1.1.1\n2.2.2.2\n", TWO, {}),
    quoted_key=(b'Source IP,Count\n"1.1.1.1",5\n"2.2.2.2","6"\n', TWO, {}),
    doubled_quotes=(b'Note,Source IP\n"say ""9.9.9.9"", twice",1.1.1.1\n"""",2.2.2.2\n', TWO, {}),
    comma_in_quotes=(b'Note,Source IP\n"a,b",1.1.1.1\n",",2.2.2.2\n', TWO, {}),
    newline_in_quotes=(b'Note,Source IP\n"a\n9.9.9.9\n\n",1.1.1.1\n"\r\n",2.2.2.2\n', TWO, {}),
    cr_in_quotes=(b'Note,Source IP\n"a\r9.9.9.9",1.1.1.1\n"\r",2.2.2.2\n', TWO, {}),
    quote_inside_a_field=(b'Note,Source IP\n6" rack,1.1.1.1\na"b"c,2.2.2.2\n', TWO, {}),
    text_after_a_quote=(b'Source IP,Note\n"1.1.1".1,"a"b\n"2.2.2.2",\n', TWO, {}),
    space_before_a_quote=(b'Source IP,Note\n "1.1.1.1",5\n2.2.2.2, "a\n', ["2.2.2.2"], {"not-an-address": 1}),
    crlf=(b"Source IP,Count\r\n1.1.1.1,5\r\n2.2.2.2,6\r\n", TWO, {}),
    crlf_key_last=(b"Count,Source IP\r\n5,1.1.1.1\r\n6,2.2.2.2\r\n", TWO, {}),
    cr=(b"Source IP,Count\r1.1.1.1,5\r2.2.2.2,6\r", TWO, {}),
    mixed_line_ends=(b"Source IP\r\n1.1.1.1\r2.2.2.2\n\r3.3.3.3\r\r\n", [*TWO, "3.3.3.3"], {}),
    no_newline_at_the_end=(b"Source IP,Count\n1.1.1.1,5\n2.2.2.2,6", TWO, {}),
    nothing_after_the_last_comma=(b"Source IP,Count\n1.1.1.1,5\n2.2.2.2,", TWO, {}),
    quote_closed_at_the_end=(b'Source IP,Note\n1.1.1.1,5\n2.2.2.2,"a""b"', TWO, {}),
    blank_lines=(b"Source IP,Count\n\n1.1.1.1,5\n\n\n2.2.2.2,6\n\n", TWO, {}),
    blank_crlf_lines=(b"Source IP\r\n\r\n1.1.1.1\r\n\r\n2.2.2.2\r\n\r\n", TWO, {}),
    a_line_of_spaces=(b"Source IP\n1.1.1.1\n   \n2.2.2.2\n", TWO, {"not-an-address": 1}),
    a_line_of_quotes=(b'Source IP\n1.1.1.1\n""\n2.2.2.2\n', TWO, {"not-an-address": 1}),
    only_commas=(b"Source IP,Count,Note\n1.1.1.1,,\n,,\n2.2.2.2,,\n", TWO, {"not-an-address": 1}),
    comment_sign=(b"Source IP\n#3.3.3.3\n1.1.1.1\n2.2.2.2\n", TWO, {"not-an-address": 1}),
    odd_separators=("Note,Source IP\n\u2028\x0b\x1c\x85\x0cf,1.1.1.1\n\x1e,2.2.2.2\n".encode(), TWO, {}),
    semicolons_and_tabs_part_nothing=(b"Note,Source IP\na;b\tc|d,1.1.1.1\n;,2.2.2.2\n", TWO, {}),
    backslash_escapes_nothing=(b'Note,Source IP\na\\,1.1.1.1\n"b\\",2.2.2.2\n', TWO, {}),
    missing_fields_after_the_key=(b"Source IP,Count,Note\n1.1.1.1\n2.2.2.2,6\n", TWO, {}),
    too_many=(b"Source IP,Count\n1.1.1.1,5\n3.3.3.3,5,\n2.2.2.2,6\n", TWO, {"too-many-fields": 1}),
    too_many_at_first=(b"Source IP,Count\n3.3.3.3,5,9\n1.1.1.1,5\n2.2.2.2,6\n", TWO, {"too-many-fields": 1}),
    too_many_everywhere=(b"Source IP,Count\n1.1.1.1,5,\n2.2.2.2,6,\n", [], {"too-many-fields": 2}),
    too_many_and_bad=(b"Source IP,Count\n1.1.1.1,5\nx,5,6\n2.2.2.2,6\n", TWO, {"too-many-fields": 1}),
    no_key=(b"Site,Count,Source IP\nx,5,1.1.1.1\n3.3.3.3,4\n3.3.3.3\ny,6,2.2.2.2\n", TWO, {"no-key": 2}),
    no_key_first=(b"Site,Source IP\n3.3.3.3\nx,1.1.1.1\ny,2.2.2.2\n", TWO, {"no-key": 1}),
    latin1_in_another_column=(b"Stra\xdfe,Source IP\n\xfc,1.1.1.1\n\xff\xfe,2.2.2.2\n", TWO, {}),
    latin1_in_the_key=(b"Source IP\n\xff3.3.3.3\n1.1.1.1\n3.3.3.3\xa0\n2.2.2.2", TWO, {"not-an-address": 2}),
    a_field_of_200_kb=(b"Note,Source IP\n" + b"x" * 200_000 + b",1.1.1.1\ny,2.2.2.2\n", TWO, {}),
    a_field_of_20_mb=(b'Source IP,Note\n1.1.1.1,"' + b"\n9.9.9.9," * 2_000_000 + b'"\n2.2.2.2,x\n', TWO, {}),
    numbers_are_not_addresses=(b"Source IP\n16843009\n33686018\n", [], {"not-an-address": 2}),
    words_for_nothing=(b"Source IP\nNA\nnan\nNULL\n\nNone\n1.1.1.1\n2.2.2.2\n", TWO, {"not-an-address": 4}),
)  # fmt: skip
def test_rows_are_what_the_csv_module_makes_of_a_file(workdir, engine, content, addresses, rejected):
    workdir.file("Asia Prod.csv", content)
    outcome = workdir.reduce("--inline", engine=engine)
    assert outcome.exit_code == 0
    assert outcome.ignored == {}
    assert outcome.addresses == addresses
    assert outcome.rejected == rejected
    rows = outcome.report["rows"]
    assert (rows["read"], rows["valid"]) == (len(addresses) + sum(rejected.values()), len(addresses))


GOOD = b"Source IP,Note\n1.1.1.1,ok\n2.2.2.2,ok\n"


@each_engine
@each("content", empty=(b"",), only_a_header=(b"Source IP,Count",), header_with_newline=(b"Source IP\r\n",))
def test_a_file_without_rows_is_taken(workdir, engine, content):
    workdir.file("Asia Prod 1.csv", content)
    outcome = workdir.reduce("--inline", engine=engine)
    assert outcome.exit_code == 0
    assert outcome.report["files"] == {"found": 1, "taken": 1, "ignored": []}
    assert outcome.report["rows"]["read"] == 0


@each_engine
@each(
    "content",
    gzip=(gzip.compress(GOOD),),
    gzip_in_two_parts=(gzip.compress(GOOD[:20]) + gzip.compress(GOOD[20:]),),
    bz2=(bz2.compress(GOOD),),
    xz=(lzma.compress(GOOD),),
    zstd=(zstd.compress(GOOD),),
)
def test_an_archive_is_known_by_its_first_bytes(workdir, engine, content):
    workdir.file("Asia Prod 1.csv", content)
    outcome = workdir.reduce("--inline", engine=engine)
    assert outcome.exit_code == 0
    assert outcome.combined == [("1.1.1.1", "Asia Prod"), ("2.2.2.2", "Asia Prod")]


def zipped(content: bytes) -> bytes:
    """A zip file, which is not one of the archives that are read."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("Asia Prod 2.csv", content)
    return file.getvalue()


@each_engine
@each(
    "content",
    nul_in_the_key=(GOOD + b"3.3.\x003.3,ok\n",),
    nul_in_another_column=(GOOD + b"3.3.3.3,\x00\n4.4.4.4,ok\n",),
    nul_in_the_header=(b"Source IP,\x00\n1.1.1.1,ok\n",),
    nul_after_the_end=(GOOD + b"\x00" * 512,),
    utf16_little=(b"\xff\xfe" + GOOD.decode().encode("utf-16-le"),),
    utf16_big=(b"\xfe\xff" + GOOD.decode().encode("utf-16-be"),),
    utf16_without_mark=(GOOD.decode().encode("utf-16-le"),),
    utf32_little=(b"\xff\xfe\0\0" + GOOD.decode().encode("utf-32-le"),),
    utf32_big=(b"\0\0\xfe\xff" + GOOD.decode().encode("utf-32-be"),),
    quote_open_at_the_end=(GOOD + b'3.3.3.3,"cut o',),
    quote_open_over_rows=(GOOD + b'3.3.3.3,"open\n4.4.4.4,ok\n5.5.5.5,ok\n',),
    quote_open_after_a_doubled_one=(GOOD + b'3.3.3.3,"a""',),
    quote_open_in_the_header=(b'Source IP,"Note\n1.1.1.1,ok\n',),
    only_a_quote=(GOOD + b'"',),
    gzip_cut=(gzip.compress(GOOD)[:-9],),
    gzip_without_its_sum=(gzip.compress(GOOD)[:-4],),
    gzip_with_a_wrong_sum=(gzip.compress(GOOD)[:-8] + b"\0\0\0\0" + gzip.compress(GOOD)[-4:],),
    gzip_only_begun=(gzip.compress(GOOD)[:10],),
    bz2_cut=(bz2.compress(GOOD)[:-5],),
    xz_cut=(lzma.compress(GOOD)[:-5],),
    zstd_cut=(zstd.compress(GOOD)[:-5],),
    gzip_of_an_open_quote=(gzip.compress(GOOD + b'"'),),
    gzip_of_a_nul=(gzip.compress(GOOD + b"\0\n"),),
    zip=(zipped(GOOD),),
)  # fmt: skip
def test_a_file_that_cannot_be_read_to_its_end_is_ignored_whole(workdir, engine, content):
    workdir.csv("Asia Prod 1.csv", KEY, "9.9.9.9")
    workdir.file("Asia Prod 2.csv", content)
    outcome = workdir.reduce("--inline", engine=engine, batch_size=1)
    assert outcome.exit_code == 0
    assert outcome.combined == [("9.9.9.9", "Asia Prod")]
    assert outcome.ignored == {"Asia Prod 2.csv": "broken"}
    assert outcome.report["files"]["ignored"][0]["detail"]
    assert outcome.report["rows"]["read"] == 1
